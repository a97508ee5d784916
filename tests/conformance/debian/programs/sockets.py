"""AF_UNIX sockets: socket, socketserver, selectors, asyncio, multiprocessing.connection."""
import array
import asyncio
import multiprocessing.connection
import os
import selectors
import socket
import socketserver
import struct
import subprocess
import threading


class Shouting(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = False


def with_a_server():
    with Server("server.socket", Shouting) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        answers = []

        def ask(number):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect("server.socket")
                file = client.makefile("rwb")
                for i in range(20):
                    file.write(b"line %d of client %d\n" % (i, number))
                    file.flush()
                    answers.append(file.readline())
        clients = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        print(len(answers), sorted(answers)[7])
        server.shutdown()
        thread.join()
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect("server.socket")
        except ConnectionRefusedError as error:
            print(error)
    os.unlink("server.socket")


async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(line[::-1])
        await writer.drain()
    writer.close()


async def ask_for(text):
    reader, writer = await asyncio.open_unix_connection("async.socket")
    writer.write(text)
    writer.write_eof()
    result = await reader.read()
    writer.close()
    return result


async def with_asyncio():
    server = await asyncio.start_unix_server(answer, "async.socket")
    async with server:
        texts = [b"x" * 1000 * i + b"\n" for i in range(8)]
        results = await asyncio.gather(*map(ask_for, texts))
        print([len(result) for result in results])
    process = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE,
                                                   stdout=subprocess.PIPE)
    out, _ = await process.communicate(b"through a process\n")
    print(out, process.returncode)


def serve(listener, count):
    for _ in range(count):
        with listener.accept() as connection:
            connection.send(sum(connection.recv()))


def with_connections():
    for address in ("listener.socket", "\0eft-listener-%d" % os.getpid()):
        with multiprocessing.connection.Listener(address, "AF_UNIX", authkey=b"key") as listener:
            process = multiprocessing.Process(target=serve, args=(listener, 3))
            process.start()
            for i in range(3):
                with multiprocessing.connection.Client(address, authkey=b"key") as client:
                    client.send([i, 10, 20])
                    print(client.recv())
            process.join()
            print(process.exitcode)


def with_files():
    left, right = socket.socketpair()
    reader, writer = os.pipe()
    socket.send_fds(left, [b"files"], [writer, 0])
    text, fds, flags, _ = socket.recv_fds(right, 100, 5)
    print(text, len(fds), flags)
    os.write(fds[0], b"sent through a socket")
    print(os.read(reader, 100))
    right.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    left.send(b"who")
    text, control, _, _ = right.recvmsg(10, 100)
    print(text, struct.unpack("3i", control[0][2]) == (os.getpid(), os.getuid(), os.getgid()))
    left.sendmsg([b"a", b"bc"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
    print(right.recv(10))


def with_datagrams():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind("log.socket")
        for i in range(3):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
                client.bind("client.%d" % i)
                client.sendto(b"entry %d" % i, "log.socket")
            print(log.recvfrom(100))
    selector = selectors.DefaultSelector()
    pairs = [socket.socketpair() for _ in range(10)]
    for number, (reader, _) in enumerate(pairs):
        selector.register(reader, selectors.EVENT_READ, number)
    for number in (3, 7):
        pairs[number][1].send(b"ready")
    print(sorted(key.data for key, _ in selector.select(5)))
    print(sorted(name for name in os.listdir(".") if name.endswith(("socket", ".0", ".1", ".2"))))


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    with_a_server()
    with_connections()
    with_files()
    with_datagrams()
    asyncio.run(with_asyncio())
