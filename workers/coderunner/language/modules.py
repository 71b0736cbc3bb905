"""The modules that code may import, and the names that each has here."""

from __future__ import annotations

import importlib
import zoneinfo
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final

from workers.coderunner.language import guards, loop, stand_ins
from workers.coderunner.language.proxies import Proxy, further, proxy

_NAMES: Final[dict[str, str]] = {
    "abc": "ABC abstractmethod",
    "ast": "literal_eval",
    "asyncio": """
        ALL_COMPLETED BoundedSemaphore CancelledError Condition Event FIRST_COMPLETED FIRST_EXCEPTION Future
        InvalidStateError LifoQueue Lock PriorityQueue Queue QueueEmpty QueueFull Semaphore Task TaskGroup
        TimeoutError as_completed create_task current_task ensure_future gather iscoroutine iscoroutinefunction
        isfuture shield sleep timeout timeout_at wait wait_for""",
    "base64": """
        a85decode a85encode b16decode b16encode b32decode b32encode b32hexdecode b32hexencode b64decode b64encode
        b85decode b85encode decodebytes encodebytes standard_b64decode standard_b64encode urlsafe_b64decode
        urlsafe_b64encode""",
    "binascii": "Error Incomplete a2b_base64 a2b_hex a2b_qp b2a_base64 b2a_hex b2a_qp crc32 crc_hqx hexlify unhexlify",
    "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
    "calendar": """
        Calendar FRIDAY HTMLCalendar IllegalMonthError IllegalWeekdayError MONDAY SATURDAY SUNDAY THURSDAY TUESDAY
        TextCalendar WEDNESDAY calendar day_abbr day_name firstweekday isleap leapdays month month_abbr month_name
        monthcalendar monthrange setfirstweekday timegm weekday weekheader""",
    "cmath": """
        acos acosh asin asinh atan atanh cos cosh e exp inf infj isclose isfinite isinf isnan log log10 nan nanj phase
        pi polar rect sin sinh sqrt tan tanh tau""",
    "collections": "ChainMap Counter OrderedDict UserDict UserList UserString defaultdict deque namedtuple",
    "collections.abc": """
        AsyncGenerator AsyncIterable AsyncIterator Awaitable ByteString Callable Collection Container Coroutine
        Generator Hashable ItemsView Iterable Iterator KeysView Mapping MappingView MutableMapping MutableSequence
        MutableSet Reversible Sequence Set Sized ValuesView""",
    "colorsys": "hls_to_rgb hsv_to_rgb rgb_to_hls rgb_to_hsv rgb_to_yiq yiq_to_rgb",
    "contextlib": """
        AbstractAsyncContextManager AbstractContextManager AsyncContextDecorator AsyncExitStack ContextDecorator
        ExitStack aclosing asynccontextmanager closing contextmanager nullcontext suppress""",
    "copy": "Error copy deepcopy error",
    "csv": """
        Dialect DictReader DictWriter Error QUOTE_ALL QUOTE_MINIMAL QUOTE_NONE QUOTE_NONNUMERIC Sniffer excel
        excel_tab field_size_limit get_dialect list_dialects reader register_dialect unix_dialect unregister_dialect
        writer""",
    "dataclasses": "FrozenInstanceError InitVar KW_ONLY MISSING asdict astuple field fields is_dataclass replace",
    "datetime": "MAXYEAR MINYEAR UTC date datetime time timedelta timezone tzinfo",
    "decimal": """
        BasicContext Clamped Context ConversionSyntax Decimal DecimalException DecimalTuple DefaultContext
        DivisionByZero DivisionImpossible DivisionUndefined ExtendedContext FloatOperation Inexact InvalidContext
        InvalidOperation MAX_EMAX MAX_PREC MIN_EMIN MIN_ETINY Overflow ROUND_05UP ROUND_CEILING ROUND_DOWN ROUND_FLOOR
        ROUND_HALF_DOWN ROUND_HALF_EVEN ROUND_HALF_UP ROUND_UP Rounded Subnormal Underflow getcontext localcontext
        setcontext""",
    "difflib": """
        Differ HtmlDiff IS_CHARACTER_JUNK IS_LINE_JUNK Match SequenceMatcher context_diff diff_bytes get_close_matches
        ndiff restore unified_diff""",
    "enum": """
        CONFORM CONTINUOUS EJECT Enum EnumCheck Flag FlagBoundary IntEnum IntFlag KEEP NAMED_FLAGS STRICT
        StrEnum UNIQUE auto member nonmember unique verify""",
    "fractions": "Fraction",
    "functools": "cache cached_property cmp_to_key lru_cache partial reduce total_ordering",
    "graphlib": "CycleError TopologicalSorter",
    "gzip": "BadGzipFile compress decompress",
    "hashlib": """
        algorithms_available algorithms_guaranteed blake2b blake2s md5 new pbkdf2_hmac scrypt sha1 sha224 sha256
        sha384 sha3_224 sha3_256 sha3_384 sha3_512 sha512 shake_128 shake_256""",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "hmac": "HMAC compare_digest digest new",
    "html": "escape unescape",
    "html.parser": "HTMLParser",
    "io": "BytesIO StringIO",
    "ipaddress": """
        AddressValueError IPv4Address IPv4Interface IPv4Network IPv6Address IPv6Interface IPv6Network
        NetmaskValueError collapse_addresses ip_address ip_interface ip_network summarize_address_range""",
    "itertools": """
        accumulate batched chain combinations combinations_with_replacement compress count cycle dropwhile filterfalse
        groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest""",
    "json": "JSONDecodeError JSONDecoder JSONEncoder dump dumps load loads",
    "math": """
        acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf erfc exp exp2 expm1
        fabs factorial floor fmod frexp fsum gamma gcd hypot inf isclose isfinite isinf isnan isqrt lcm ldexp lgamma
        log log10 log1p log2 modf nan nextafter perm pi pow prod radians remainder sin sinh sqrt sumprod tan tanh tau
        trunc ulp""",
    "numbers": "Complex Integral Number Rational Real",
    "operator": """
        abs add and_ concat contains countOf delitem eq floordiv ge getitem gt iadd iand iconcat ifloordiv ilshift
        imatmul imod imul index indexOf inv invert ior ipow irshift is_ is_not isub itemgetter itruediv ixor le
        length_hint lshift lt matmul mod mul ne neg not_ or_ pos pow rshift setitem sub truediv truth xor""",
    "pprint": "pformat",
    "random": """
        Random SystemRandom betavariate choice choices expovariate gammavariate gauss getrandbits getstate
        lognormvariate normalvariate paretovariate randbytes randint random randrange sample seed setstate shuffle
        triangular uniform vonmisesvariate weibullvariate""",
    "re": """
        A ASCII DOTALL I IGNORECASE L LOCALE M MULTILINE Match NOFLAG Pattern S U UNICODE VERBOSE X compile
        error escape findall finditer fullmatch match purge search split sub subn""",
    "secrets": "SystemRandom choice compare_digest randbelow randbits token_bytes token_hex token_urlsafe",
    "statistics": """
        NormalDist StatisticsError correlation covariance fmean geometric_mean harmonic_mean linear_regression mean
        median median_grouped median_high median_low mode multimode pstdev pvariance quantiles stdev variance""",
    "string": """
        Template ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits printable
        punctuation whitespace""",
    "struct": "Struct calcsize error iter_unpack pack pack_into unpack unpack_from",
    "textwrap": "TextWrapper dedent fill indent shorten wrap",
    "time": """
        altzone asctime ctime daylight gmtime localtime mktime monotonic monotonic_ns perf_counter perf_counter_ns
        process_time process_time_ns sleep strftime strptime struct_time time time_ns timezone tzname""",
    "types": "MappingProxyType NoneType",
    "typing": """
        AbstractSet Annotated Any AnyStr AsyncGenerator AsyncIterable AsyncIterator Awaitable ByteString Callable
        ChainMap ClassVar Collection Concatenate Container ContextManager Coroutine Counter DefaultDict Deque Dict
        Final FrozenSet Generator Generic Hashable IO ItemsView Iterable Iterator KeysView List Literal LiteralString
        Mapping Match MutableMapping MutableSequence MutableSet NamedTuple Never NewType NoReturn NotRequired Optional
        OrderedDict ParamSpec ParamSpecArgs Pattern Protocol Required Reversible Self Sequence Set Sized SupportsAbs
        SupportsFloat SupportsIndex SupportsInt SupportsRound TYPE_CHECKING Text TextIO Tuple Type TypeAlias TypeGuard
        TypeVar TypeVarTuple TypedDict Union Unpack ValuesView assert_never cast final get_args override overload
        runtime_checkable""",
    "unicodedata": """
        bidirectional category combining decimal decomposition digit east_asian_width is_normalized lookup mirrored
        name normalize numeric unidata_version""",
    "urllib.parse": """
        parse_qs parse_qsl quote quote_from_bytes quote_plus unquote unquote_plus unquote_to_bytes urldefrag urlencode
        urljoin urlparse urlsplit urlunparse urlunsplit ParseResult SplitResult""",
    "uuid": "NAMESPACE_DNS NAMESPACE_OID NAMESPACE_URL NAMESPACE_X500 UUID uuid3 uuid4 uuid5",
    "zlib": """
        MAX_WBITS Z_BEST_COMPRESSION Z_BEST_SPEED Z_DEFAULT_COMPRESSION Z_FINISH Z_SYNC_FLUSH adler32 compress
        compressobj crc32 decompress decompressobj error""",
    "zoneinfo": "ZoneInfo ZoneInfoNotFoundError",
}
_STAND_INS: Final[Mapping[str, Mapping[str, Any]]] = {
    "asyncio": loop.STAND_INS,
    "dataclasses": {"dataclass": stand_ins.dataclass},
    "enum": {kind.__name__: kind for kind in stand_ins.ENUMS},
    "functools": {
        "singledispatch": stand_ins.singledispatch,
        "update_wrapper": stand_ins.update_wrapper,
        "wraps": stand_ins.wraps,
    },
    "operator": {"attrgetter": stand_ins.attrgetter, "methodcaller": stand_ins.methodcaller},
    "types": {"SimpleNamespace": guards.SimpleNamespace},
    "typing": {"get_origin": stand_ins.get_origin},
}
_WITHIN: Final = {"collections": "abc", "html": "parser", "urllib": "parse"}
"""Modules that hold another one which is offered."""

_LATER: Final = (
    "_strptime", "bz2", "encodings.ascii", "encodings.big5", "encodings.cp1252", "encodings.gb18030",
    "encodings.gb2312", "encodings.gbk", "encodings.hex_codec", "encodings.idna", "encodings.latin_1",
    "encodings.punycode",
    "encodings.raw_unicode_escape", "encodings.shift_jis", "encodings.unicode_escape", "encodings.utf_16",
    "encodings.utf_16_be", "encodings.utf_16_le", "encodings.utf_32", "encodings.utf_8_sig", "stringprep",
)  # fmt: skip
"""What the standard library imports only when it is first needed."""

_zones: list[zoneinfo.ZoneInfo] = []
"""Every zone there is: they live in a cache that lets go of what nobody holds."""


def load() -> None:
    """Import every module that is offered, and what it would need later: in the jail there are no files."""
    for name in (*_NAMES, *_LATER, "__future__"):
        importlib.import_module(name)
    if not _zones:
        _zones.extend(zoneinfo.ZoneInfo(name) for name in sorted(zoneinfo.available_timezones()))


def offered(extra: Sequence[str]) -> dict[str, Proxy]:
    """The modules by name; `extra` are those that the operator adds."""
    found = {name: proxy(name, _names(name)) for name in _NAMES}
    for outer, inner in _WITHIN.items():
        names = (
            {**_names(outer), inner: found[f"{outer}.{inner}"]}
            if outer in _NAMES
            else {inner: found[f"{outer}.{inner}"]}
        )
        found[outer] = proxy(outer, names)
    keys = frozenset(zone.key for zone in _zones)
    found["zoneinfo"] = proxy("zoneinfo", {**_names("zoneinfo"), "available_timezones": lambda: set(keys)})
    for name in extra:
        found[name] = further(name)
    return found


def plain(extra: Sequence[str]) -> frozenset[str]:
    """The names of the modules, for code that is run without the language layer."""
    return frozenset({"__future__", *_NAMES, *_WITHIN, *extra})


def _names(module: str) -> dict[str, Any]:
    real: ModuleType = importlib.import_module(module)
    # What this version of Python does not have is not offered.
    there = {name: getattr(real, name) for name in _NAMES[module].split() if hasattr(real, name)}
    return {**there, **_STAND_INS.get(module, {})}
