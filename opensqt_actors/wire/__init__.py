"""Protobuf messages and gRPC stubs, generated from proto/ by `make proto`. Never edited.

Import them by version: `from opensqt_actors.wire.v1 import orchestrator_pb2, orchestrator_pb2_grpc`.
"""
