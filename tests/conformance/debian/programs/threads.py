"""threading, queues, multiprocessing (fork, spawn, pools, shared memory), concurrent.futures."""
import concurrent.futures
import multiprocessing
import multiprocessing.shared_memory
import os
import queue
import threading
import time


def square(number):
    return number * number


def add_up(count, lock, value):
    for _ in range(count):
        with lock:
            value.value += 1


def shout(connection):
    while (text := connection.recv()) is not None:
        connection.send(text.upper())


def with_threads():
    work, done = queue.Queue(5), []

    def consume():
        while (item := work.get()) is not None:
            done.append(item)
    workers = [threading.Thread(target=consume) for _ in range(8)]
    for worker in workers:
        worker.start()
    for item in [*range(500), *[None] * 8]:
        work.put(item)
    for worker in workers:
        worker.join()
    print(sorted(done) == list(range(500)))
    barrier, turn = threading.Barrier(6), []

    def meet(number):
        barrier.wait()
        turn.append(number)
    workers = [threading.Thread(target=meet, args=(i,)) for i in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(sorted(turn))
    event, semaphore, condition = threading.Event(), threading.Semaphore(0), threading.Condition()
    threading.Timer(0.01, event.set).start()
    print(event.wait(5), semaphore.acquire(timeout=0.01))
    with condition:
        print(condition.wait(0.01))
    local = threading.local()
    local.value = 1
    print(threading.active_count() >= 1, local.value)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        print(list(pool.map(square, range(10))))


def with_processes(method):
    context = multiprocessing.get_context(method)
    with context.Pool(3) as pool:
        print(method, pool.map(square, range(20)), pool.apply_async(square, (9,)).get(20))
    lock, value = context.Lock(), context.Value("i", 0, lock=False)
    workers = [context.Process(target=add_up, args=(500, lock, value)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(value.value, [worker.exitcode for worker in workers])
    here, there = context.Pipe()
    worker = context.Process(target=shout, args=(there,))
    worker.start()
    here.send("quiet")
    print(here.recv())
    here.send(None)
    worker.join()
    items = context.Queue()
    worker = context.Process(target=items.put, args=([1, "two", 3.0],))
    worker.start()
    print(items.get(timeout=20))
    worker.join()


def main():
    with_threads()
    with_processes("fork")
    with_processes("spawn")
    block = multiprocessing.shared_memory.SharedMemory(create=True, size=10000)
    child = os.fork()
    if child == 0:
        block.buf[:5] = b"child"
        os._exit(0)
    os.waitpid(child, 0)
    print(bytes(block.buf[:5]))
    block.close()
    block.unlink()
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print(sum(pool.map(square, range(50), chunksize=5)))
    worker = multiprocessing.Process(target=time.sleep, args=(60,))
    worker.start()
    worker.terminate()
    worker.join()
    print(worker.exitcode)


if __name__ == "__main__":
    main()
