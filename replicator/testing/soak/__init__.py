"""The service between two local clouds for as long as one likes, while everything around it breaks.

Here belong the stage on which processes are broken (`stage`), the faults that befall them (`faults`), the
run itself with its samples (`run`, `samples`), the test for growth (`growth`), and what is told of it all
(`plot`, `report`). What has to have arrived is told by the independent writers of the demonstration, and
compared by its readers. What does not belong here: the simulator, which breaks a world of its own.
"""
