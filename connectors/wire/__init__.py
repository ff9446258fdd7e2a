"""What connectors share whatever cloud they speak to; it is no connector itself, and knows no cloud.

Here belong connections on which nothing is sent twice (``once``) and the checksums of bodies
(``checksums``). What belongs to one cloud is elsewhere: in ``connectors.aws``, or in its connector.
"""
