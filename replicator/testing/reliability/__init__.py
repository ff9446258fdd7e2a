"""What was done to Replicator, and what it lost: the page that is written from real runs.

Here belong the counting of simulated seeds (`tally`), the page (`page`), and the command that runs and
writes (`main`). What does not belong here: the simulator, and the soak, whose results are only read.
"""
