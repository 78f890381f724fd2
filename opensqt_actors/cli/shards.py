"""`opensqt shards ...`: list, drain and restart the processes that trade, while the others go on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opensqt_actors.cli.options import Json, Socket, Timeout, as_json, connect, say

ShardName = Annotated[str, typer.Argument(metavar="SHARD", help="Name of the shard: shard-0.")]

app = typer.Typer(no_args_is_help=True, help="List, drain and restart the processes that trade.")


@app.command("list")
def list_shards(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Show the hosts on the database of this configuration.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="Show the hosts on this database; no password in it.")
    ] = None,
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Show a supervisor's shards, one line each; or, with --config or --database, hosts that share a registry."""
    if config is not None or database is not None:
        _list_hosts(config, database, json=as_json(context, json))
        return
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


def _list_hosts(config: Path | None, database: str | None, *, json: bool) -> None:
    from opensqt_actors.cli import leases

    rows = leases.read(config, database)
    if json:
        from opensqt_actors.cli import json_output

        print(json_output.dump(leases.documents(rows)))
        return
    from opensqt_actors.cli import render

    render.show(leases.tables(rows))


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
