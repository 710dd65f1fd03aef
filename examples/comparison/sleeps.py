"""The same jobs by hand: an asyncio queue, and a gevent pool.

    python sleeps.py asyncio|gevent < {"workers", "sleeps", "in_flight", "spin"}

Prints one JSON object with what was measured.
"""
import asyncio
import json
import sys
import time

BEAT = 0.25  # seconds between heartbeats


def rss():
    """Memory of this process in bytes; None where there is no /proc."""
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * 4096
    except OSError:
        return None


def spin(seconds):
    """A job that computes and never yields."""
    end = time.perf_counter() + seconds
    n = 0
    while time.perf_counter() < end:
        n += 1
    return n


class Gaps:
    """The longest time between two beats."""

    def __init__(self):
        self.last, self.longest = time.perf_counter(), 0.0

    def beat(self):
        now = time.perf_counter()
        self.longest, self.last = max(self.longest, now - self.last), now


async def with_asyncio(p):
    async def worker(queue):
        while True:
            seconds = await queue.get()
            await asyncio.sleep(seconds)
            queue.task_done()

    queue = asyncio.Queue()
    for seconds in p["sleeps"]:
        queue.put_nowait(seconds)
    began = time.perf_counter()
    workers = [asyncio.create_task(worker(queue)) for _ in range(p["workers"])]
    await queue.join()
    wall = time.perf_counter() - began
    for w in workers:
        w.cancel()

    before = rss()
    tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(p["in_flight"])]
    await asyncio.sleep(0.5)
    memory = before and (rss() - before) / p["in_flight"]
    for t in tasks:
        t.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    async def computes():
        spin(p["spin"])

    gaps = Gaps()

    async def heartbeat():
        while True:
            gaps.beat()
            await asyncio.sleep(BEAT)

    async def neighbour():
        began = time.perf_counter()
        await asyncio.sleep(0.1)
        return time.perf_counter() - began

    beats = asyncio.create_task(heartbeat())
    await asyncio.sleep(2 * BEAT)
    beside = asyncio.create_task(neighbour())
    await asyncio.sleep(0)
    await asyncio.create_task(computes())
    took = await beside
    await asyncio.sleep(2 * BEAT)
    beats.cancel()
    return wall, memory, gaps.longest, took


def with_gevent(p):
    import gevent
    from gevent.pool import Pool

    pool = Pool(p["workers"])
    began = time.perf_counter()
    for seconds in p["sleeps"]:
        pool.spawn(gevent.sleep, seconds)
    pool.join()
    wall = time.perf_counter() - began

    before = rss()
    many = Pool(p["in_flight"])
    for _ in range(p["in_flight"]):
        many.spawn(gevent.sleep, 3600)
    gevent.sleep(0.5)
    memory = before and (rss() - before) / p["in_flight"]
    many.kill()

    gaps = Gaps()

    def heartbeat():
        while True:
            gaps.beat()
            gevent.sleep(BEAT)

    def neighbour():
        began = time.perf_counter()
        gevent.sleep(0.1)
        return time.perf_counter() - began

    beats = gevent.spawn(heartbeat)
    gevent.sleep(2 * BEAT)
    beside = gevent.spawn(neighbour)
    gevent.sleep(0)
    gevent.spawn(spin, p["spin"]).join()
    took = beside.get()
    gevent.sleep(2 * BEAT)
    beats.kill()
    return wall, memory, gaps.longest, took


parameters = json.load(sys.stdin)
way = sys.argv[1]
result = asyncio.run(with_asyncio(parameters)) if way == "asyncio" else with_gevent(parameters)
print(json.dumps(dict(zip(("wall", "memory", "gap", "neighbour"), result))))
