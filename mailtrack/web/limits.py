"""How much strangers may ask for: so many look-ups, and so much at a time.

Whoever asks has a bucket of tokens, and all of them have one together. They are kept in
this process's memory, which holds only so many buckets: who has not asked for longest is
forgotten first. Times are seconds of a clock that never goes back.
"""

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

#: What people behind one address may ask at once, and go on to ask.
EACH = (30, 1 / 3)
#: What everybody may ask together: a stampede must leave room for the other pages.
TOGETHER = (100, 20.0)
#: The same of files that are written for whoever asks: each takes a core for half a second.
FILES_EACH = (6, 1 / 10)
FILES_TOGETHER = (20, 1.0)
#: The same of channels that are added: each calls somebody's host once.
CHANNELS_EACH = (10, 1 / 300)
CHANNELS_TOGETHER = (50, 1 / 10)
#: Buckets that are kept; each takes some 300 bytes.
MOST_BUCKETS = 10_000
#: Providers give a home this much of IPv6; its last half changes at will (RFC 8981).
_HOME_IPV6 = 64
_UNKNOWN = "unknown"
#: Connections, or requests, that one asker may have at a time: an eighth of what there is.
MOST_AT_ONCE = 100
#: Where IPv4 addresses lie in IPv6, as a socket for both shows them (RFC 4291, 2.5.5.2).
_MAPPED = ("::ffff:", 96)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class Limiter:
    """Counts who asks. `each` and `together`: tokens at most, tokens per second."""

    def __init__(
        self,
        each: tuple[float, float] = EACH,
        together: tuple[float, float] = TOGETHER,
        most: int = MOST_BUCKETS,
    ) -> None:
        self._each, self._together, self._most = each, together, most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._all = _Bucket(together[0], 0.0)

    def wait_s(self, asker: str, now: float) -> float:
        """Take a token for somebody; return 0, or the seconds until there is one."""
        mine = self._buckets.setdefault(asker, _Bucket(self._each[0], now))
        self._buckets.move_to_end(asker)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        wait = max(_fill(mine, self._each, now), _fill(self._all, self._together, now))
        if not wait:
            mine.tokens -= 1
            self._all.tokens -= 1
        return wait

    @property
    def remembered(self) -> int:
        """Return how many askers are kept in memory."""
        return len(self._buckets)


class Shares:
    """Counts what each asker has under way.

    `proxies`: those that come for many people, as the settings name them; whoever comes
    from this machine is one, too, or its operator.
    """

    def __init__(self, proxies: str = "", most: int = MOST_AT_ONCE) -> None:
        self._proxies = [ipaddress.ip_network(one) for one in with_mapped(proxies)]
        self._most = most
        self._under_way: Counter[str] = Counter()

    def take(self, host: str | None) -> bool:
        """Begin something for a client; False where it has its share already."""
        if self._comes_for_many(host):
            return True
        name = asker(host)
        if self._under_way[name] >= self._most:
            return False
        self._under_way[name] += 1
        return True

    def give_back(self, host: str | None) -> None:
        """End what was begun."""
        if self._comes_for_many(host):
            return
        name = asker(host)
        self._under_way[name] -= 1
        if self._under_way[name] <= 0:
            del self._under_way[name]

    @property
    def remembered(self) -> int:
        """Return how many askers have something under way."""
        return len(self._under_way)

    def _comes_for_many(self, host: str | None) -> bool:
        try:
            address = ipaddress.ip_address(host or "")
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return plain.is_loopback or any(address in network for network in self._proxies)


def with_mapped(networks: str) -> Iterator[str]:
    """Yield networks, those of IPv4 also as a socket for both families names them.

    >>> list(with_mapped("10.0.0.0/8,2001:db8::/32"))
    ['10.0.0.0/8', '::ffff:10.0.0.0/104', '2001:db8::/32']
    """
    for network in filter(None, networks.split(",")):
        yield network
        address, _, length = network.partition("/")
        if ":" not in address:
            prefix, bits = _MAPPED
            yield f"{prefix}{address}/{bits + int(length or 32)}"


def asker(host: str | None) -> str:
    """Return what names the people behind a client's address: an IPv4, or a home's IPv6.

    >>> asker("2001:db8:1:2:3:4:5:6"), asker("::ffff:192.0.2.7"), asker(None)
    ('2001:db8:1:2::', '192.0.2.7', 'unknown')
    """
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return _UNKNOWN
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    home = int(address) >> (128 - _HOME_IPV6) << (128 - _HOME_IPV6)
    return str(ipaddress.IPv6Address(home))


def _fill(bucket: _Bucket, size: tuple[float, float], now: float) -> float:
    """Put in what has come since; return the seconds until the bucket holds a whole token."""
    most, per_second = size
    bucket.tokens = min(most, bucket.tokens + (now - bucket.filled_at) * per_second)
    bucket.filled_at = now
    return max(0.0, (1 - bucket.tokens) / per_second)
