"""What tests are made of: contracts that any connector or store can be put to, and the simulator.

Never imported by production code; third parties use it to test connectors and stores of their own.
"""
