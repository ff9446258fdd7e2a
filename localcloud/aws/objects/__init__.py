"""What S3 does and ministack does not: events late, repeated, unordered or lost, in their true shape.

The queues of a notification configuration are kept here and never reach ministack, so that every event is
made here, after the write it tells of, and goes through `delivery`, which a script may set to distort. It
is sent before the write is answered unless a script says otherwise. Topics, functions and ministack's own
EventBridge rules are left to ministack, undistorted. Objects themselves stay there too. What does not
belong here: faults (`localcloud.aws.faults`) and the queues at the other end (`localcloud.aws.queues`).
"""
