"""Protobuf messages and gRPC stubs, generated from proto/ by `make proto`: `from opensqt_actors.wire.v1 import order_pb2`."""
