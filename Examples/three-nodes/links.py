"""Links between nodes that can be cut.

links.py ports <n>            prints n free ports of this machine
links.py <from>:<to> ...      passes on what comes to a port to another one, until it is killed: that is the cut
"""
import asyncio
import socket
import sys


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    return [each.getsockname()[1] for each in sockets]


async def pipe(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def link(port):
    async def connected(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return writer.close()
        await asyncio.gather(pipe(reader, far_writer), pipe(far_reader, writer))

    return connected


async def main(links):
    ends = [map(int, each.split(":")) for each in links]
    servers = [await asyncio.start_server(link(to), "127.0.0.1", at) for at, to in ends]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if sys.argv[1] == "ports":
    print(*free_ports(int(sys.argv[2])))
else:
    asyncio.run(main(sys.argv[1:]))
