"""How the ranks of a job find each other, on real sockets: who is let in, who is told why not, and who is missing."""

import os
import socket
import struct
import threading
from types import SimpleNamespace

import msgspec
import pytest
from support import patience

from bench import protocol
from bench.errors import BenchError, UsageError
from bench.launch import follower, followers, wire
from bench.launch.place import Place
from bench.results.record import Fact

HELLO = protocol.Hello(
    protocol=protocol.PROTOCOL_VERSION,
    suite="1",
    tensorflow="2.21.0",
    rank=0,
    ranks=2,
    data="d" * 64,
    workload="w" * 64,
    device="cpu",
    devices=("0", "1"),
    host="here",
    facts={"cpu_model": Fact(value="a CPU")},
)


def hello(**changes):
    return msgspec.structs.replace(HELLO, **changes)


@pytest.fixture
def place():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return Place(0, 2, "127.0.0.1", one.getsockname()[1], "a test")


class Other:
    """A rank in a thread of its own, which says what it is and takes what it is told."""

    def __init__(self, place, hello):
        self.told, self.failed = None, None
        self._thread = threading.Thread(target=self._run, args=(place, hello), daemon=True)
        self._thread.start()

    def _run(self, place, hello):
        try:
            link = follower.join(place, hello, patience.limit(20))
            self.told = wire.receive(link, protocol.ToFollower, patience.limit(20), "rank 0")
            link.close()
        except Exception as error:
            self.failed = error

    def wait(self):
        self._thread.join(patience.limit(30))
        return self.told


def gather(place, own=HELLO, seconds=20.0):
    return followers.gather(own, place, patience.limit(seconds), lambda text: None)


def test_ranks_that_fit_are_gathered_and_told_the_end(place):
    other = Other(place, hello(rank=1, host="there", devices=("0",)))
    job = gather(place)
    assert len(job.facts) == 2
    assert job.facts["rank_1"] == {"host": Fact(value="there"), "cpu_model": Fact(value="a CPU")}
    job.end(3)
    assert other.wait() == protocol.JobEnded(exit_code=3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": 3}, "the protocol of rank 0 is"),
        ({"suite": "2"}, "the suite of rank 0 is 1, that of rank 1 is 2"),
        ({"tensorflow": "2.20.0"}, "the TensorFlow of rank 0 is 2.21.0, that of rank 1 is 2.20.0"),
        ({"data": "e" * 64}, "the data"),
        ({"workload": "e" * 64}, "the workload"),
        ({"device": "gpu"}, "the device of rank 0 is cpu, that of rank 1 is gpu"),
        ({"ranks": 3}, "the number of ranks of rank 0 is 2, that of rank 1 is 3"),
        ({"rank": 0}, "says that it is number 0 of 2"),
        ({"devices": ("first",)}, "which cores it may use"),
        ({"rank": 2}, "says that it is number 2 of 2"),
        ({"devices": ("1",)}, None),
    ],
    ids=["protocol", "suite", "tensorflow", "data", "workload", "device", "ranks", "first", "cores", "beyond", "fits"],
)
def test_a_rank_that_does_not_fit_ends_the_job_for_all(place, changes, message):
    other = Other(place, hello(**{"rank": 1, **changes}))
    if message is None:
        gather(place).end(0)
        assert other.wait() == protocol.JobEnded(exit_code=0)
        return
    with pytest.raises(UsageError, match=message):
        gather(place)
    assert message in other.wait().reason


def test_two_that_say_they_are_the_same_rank_are_refused(place):
    place = Place(0, 3, place.host, place.port, "a test")
    others = [Other(place, hello(rank=1, ranks=3)) for _ in range(2)]
    with pytest.raises(UsageError, match="Two processes say that they are rank 1"):
        gather(place, hello(ranks=3))
    assert all("Two processes" in other.wait().reason for other in others)


@pytest.mark.parametrize(
    ("changes", "ranks"),
    [
        ({"devices": ("0",)}, 2),
        ({"device": "gpu", "devices": ("a", "b")}, 3),
        ({"device": "gpu", "devices": ("a",)}, 2),
    ],
    ids=["cores", "GPUs", "one-GPU"],
)
def test_more_ranks_on_a_host_than_devices_are_refused(place, changes, ranks):
    place = Place(0, ranks, place.host, place.port, "a test")
    others = [Other(place, hello(rank=rank, ranks=ranks, **changes)) for rank in range(1, ranks)]
    with pytest.raises(UsageError, match=r"are on one host with \d (cores|GPUs) that may be used: start at most"):
        gather(place, hello(ranks=ranks, **changes))
    assert all("start at most" in one.wait().reason for one in others)


@pytest.mark.parametrize(
    ("every", "seats"),
    [
        ([{}, {}], [(0, (0,)), (0, (1,))]),
        ([{"devices": ("4",)}, {"devices": ("6",)}], [(0, (4,)), (0, (6,))]),  # each sees its own alone
        ([{}, {"host": "there"}], [(0, (0,)), (0, (0,))]),
        ([{"device": "gpu", "devices": ("a", "b")}] * 2, [(0, ()), (1, ())]),
        ([{"device": "gpu", "devices": (name,)} for name in "ab"], [(0, ()), (0, ())]),  # by the scheduler, one each
    ],
    ids=["a core each", "cores of a scheduler", "two hosts", "a GPU each", "GPUs of a scheduler"],
)
def test_every_rank_has_a_device_of_its_own(every, seats):
    assert followers.seats([hello(**changes) for changes in every]) == seats


def test_ranks_that_do_not_come_are_named_and_those_that_came_are_told(place):
    place = Place(0, 4, place.host, place.port, "a test")
    other = Other(place, hello(rank=2, ranks=4))
    with pytest.raises(UsageError, match=r"Of 4 ranks these have not come within .* s: 1, 3"):
        followers.gather(hello(ranks=4), place, patience.limit(2), lambda text: None)
    assert "have not come" in other.wait().reason


def test_a_coordinator_that_does_not_answer_is_named(place):
    with pytest.raises(UsageError, match=rf"Rank 0 does not answer at 127.0.0.1:{place.port} within 1 s: "):
        follower.join(place, hello(rank=1), 1.0)


def test_who_does_not_know_the_word_is_not_let_in(place, monkeypatch):
    """Neither is one that says nothing, or something else: rank 0 goes on waiting for who belongs to the job."""
    monkeypatch.setattr(wire, "key", lambda: b"right" if threading.current_thread() is main else b"wrong")
    main = threading.current_thread()
    stranger = Other(place, hello(rank=1))
    with pytest.raises(UsageError, match="these have not come"):
        followers.gather(HELLO, place, patience.limit(2), lambda text: None)
    assert stranger.told is None


def test_garbage_on_the_port_ends_nothing(place):
    listening = wire.listen(place.host, place.port)
    with socket.create_connection((place.host, place.port)) as one:
        one.sendall(b"GET / HTTP/1.1\r\n\r\n" * 1_000)
        assert wire.accept(listening, patience.limit(1)) is None
    listening.close()
    other = Other(place, hello(rank=1))
    job = gather(place, seconds=60.0)
    job.end(0)
    assert other.wait() == protocol.JobEnded(exit_code=0)


def test_who_says_nothing_or_little_by_little_is_not_waited_for(place):
    """A connection has ten seconds to show that it knows the word, however it spends them; `--wait` is kept."""
    listening = wire.listen(place.host, place.port)
    with socket.create_connection((place.host, place.port)):
        assert wire.accept(listening, 1.0) is None
    listening.close()


def _linked(place):
    """Both ends of a connection that knows the word."""
    listening, ends = wire.listen(place.host, place.port), []
    thread = threading.Thread(
        target=lambda: ends.append(wire.connect(place.host, place.port, patience.limit(10))), daemon=True
    )
    thread.start()
    link, _ = wire.accept(listening, patience.limit(10))
    thread.join()
    listening.close()
    return link, ends[0]


@pytest.mark.parametrize(
    "raw",
    [b"\xff" * 4 + b"\x00\x00\xff" + b"\x00" * 5, struct.pack("!i", 2**30), struct.pack("!i", 3) + b"{}]"],
    ids=["eight-bytes-of-length", "a-gigabyte", "no-message"],
)
def test_a_message_that_is_none_ends_the_connection_and_no_process(place, raw):
    link, other = _linked(place)
    os.write(other.fileno(), raw)
    with pytest.raises(wire.NoAnswer):
        wire.receive(link, protocol.FromFollower, patience.limit(10), "Rank 1")
    link.close()
    other.close()


def test_a_reply_that_nobody_waits_for_any_more_is_passed_over(place):
    link, other = _linked(place)
    one = followers.Follower(hello(rank=1), link, "127.0.0.1")
    for request in (6, 7):
        wire.send(other, protocol.RankEnded(request=request, exit_code=request, log=""), "Rank 1")
    assert one.reply(7, patience.limit(10)).exit_code == 7
    link.close()
    other.close()


def test_ranks_that_are_gone_do_not_change_why_the_job_ends(place):
    """One that has come and gone again, and then one that does not fit: the reason is the second's."""
    place = Place(0, 3, place.host, place.port, "a test")
    came = threading.Event()

    def come_and_go():
        link = follower.join(place, hello(rank=1, ranks=3), patience.limit(20))
        came.wait(patience.limit(20))
        with socket.socket(fileno=os.dup(link.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        link.close()
        Other(place, hello(rank=2, ranks=3, suite="2"))

    threading.Thread(target=come_and_go, daemon=True).start()
    with pytest.raises(UsageError, match="the suite of rank 0 is 1, that of rank 2 is 2"):
        followers.gather(hello(ranks=3), place, patience.limit(30), lambda text: came.set())


def test_a_follower_whose_server_does_not_load_says_so_every_time(tmp_path, place):
    class Broken:
        def wait_until_ready(self):
            raise BenchError("it ended while it loaded TensorFlow")

        def close(self):
            pass

    one = follower.Follower(place, lambda log: Broken(), tmp_path)
    for number in range(2):
        found = one._start(protocol.StartRank(request=number, repetition=1))
        assert found == protocol.RankNotStarted(request=number, reason="it ended while it loaded TensorFlow")


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "no-such-host.invalid"])
def test_what_is_no_name_of_a_host_is_refused(host):
    with pytest.raises(UsageError, match="Rank 0 cannot listen on"):
        wire.listen(host, 0)
    with pytest.raises(wire.NoAnswer, match="Rank 0 does not answer"):
        wire.connect(host, 1, 0.1)


def test_rank_0_listens_on_its_own_address_alone(place):
    listening = wire.listen("127.0.0.1", place.port)
    assert listening.getsockname()[0] == "127.0.0.1"
    with pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1"):
        wire.listen("127.0.0.1", place.port)
    listening.close()
    with pytest.raises(UsageError, match="an address of this host"):
        wire.listen("192.0.2.1", place.port)  # of a network for documentation (RFC 5737)


def test_a_follower_ends_nobodys_process_but_its_own(tmp_path):
    one = follower.Follower(Place(1, 2, "127.0.0.1", 1, "a test"), lambda log: SimpleNamespace(), tmp_path)
    asked = protocol.EndRank(request=4, pid=1)
    assert one._end(asked) == protocol.RankEnded(request=4, exit_code=-9, log="")
