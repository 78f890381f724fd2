"""`opensqt shards ...`: list, drain and restart the processes that trade, while the others go on."""

from __future__ import annotations

from typing import Annotated

import typer

from opensqt_actors.cli.options import Json, Socket, Timeout, as_json, connect, say

ShardName = Annotated[str, typer.Argument(metavar="SHARD", help="Name of the shard: shard-0.")]

app = typer.Typer(no_args_is_help=True, help="List, drain and restart the processes that trade.")


@app.command("list")
def list_shards(context: typer.Context, socket: Socket = None, json: Json = False, timeout: Timeout = None) -> None:
    """Show the shards, one line each."""
    with connect(context, socket, timeout) as client:
        answer = client.status()
    from opensqt_actors.api.mapping import status_from

    view = status_from(answer)
    if as_json(context, json):
        from opensqt_actors.cli import json_output

        print(json_output.dump(json_output.shards(view)))
        return
    from opensqt_actors.cli import render

    render.show(render.shards_table(view))


@app.command("drain")
def drain_shard(
    context: typer.Context,
    shard: ShardName,
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Move all its markets to the other shards; it gets no new ones until it is restarted."""
    with connect(context, socket, timeout) as client:
        sentence = client.call("DrainShard", client.pb.DrainShardRequest(shard_id=shard)).sentence
    say(context, json, sentence, shard=shard)


@app.command("restart")
def restart_shard(
    context: typer.Context,
    shard: ShardName,
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """End its process, whose orders stay, and start a new one. Also ends a quarantine and a drain."""
    with connect(context, socket, timeout) as client:
        sentence = client.call("RestartShard", client.pb.RestartShardRequest(shard_id=shard)).sentence
    say(context, json, sentence, shard=shard)
