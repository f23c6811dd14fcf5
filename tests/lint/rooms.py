# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which room may include which: the arrows of the house, as data.

A rule is (room, allowed): `room` matches the path of a file, `allowed` lists what its includes may match. The first rule
that matches a file decides. Targets: "std" for the C++ library, "own" for the file's own room, a prefix ending in "/" for
a folder of ours, and any other text for the beginning of a third-party include. Order matters: special before general.
"""
import re

GST = ["gst/gst", "gst/base/", "gst/rtp/", "gst/video/", "gst/audio/", "gst/net/", "gst/app/", "gst/sdp/", "gst/check/",
        "gst/controller/", "gst/pbutils/", "glib", "gio/"]
LOOP = ["glib", "gio/"]
JSON = ["orchestrator/json/", "nlohmann/", "tl/"]
OS = ["sys/", "netinet/", "arpa/", "unistd.h", "fcntl.h", "signal.h", "poll.h", "spawn.h", "dirent.h", "syslog.h",
      "linux/", "dlfcn.h", "pwd.h", "pthread.h", "netdb.h", "sched.h"]

# Pure files of orchestrator/pipeline; the rest of that room is the builder, the only one that includes GStreamer.
PURE_PIPELINE = r"orchestrator/pipeline/(active_speaker|rtp_ingress|seating|description|parameters|plan|layout|render|gate|moof|roster|finish_(?:bytes|mp4|ebml|mkv|ogg|playlist))[^/]*"

# A core is named by its plugin: gst/rtphdrext/core/.
RULES = [
    (r"gst/support/", ["std", "own"] + GST),
    # Instructions that not every processor has stay in one file, whose functions are called after asking the processor;
    # those that every x86-64 has are behind portable names.
    (r"gst/aic/core/model/mixers\.hpp$", ["std", "own", "immintrin.h"]),
    (r"gst/aic/core/pixels/eight\.hpp$", ["std", "own", "emmintrin.h"]),
    (r"gst/[^/]+/core/", ["std", "own"]),
    (r"gst/[^/]+/", ["std", "own", "own-core", "gst/support/"] + GST),
    (r"orchestrator/json/", ["std", "own", "nlohmann/", "tl/", "valijson/"]),
    (r"orchestrator/session/", ["std", "own"] + JSON),
    # JSON Schema is a library's work, and parameters.cpp is its only user.
    (r"orchestrator/pipeline/parameters", ["std", "own", "orchestrator/session/", "valijson/"] + JSON),
    # The layout of RTP is known in one place: a plugin's pure core.
    (r"orchestrator/pipeline/rtp_ingress", ["std", "own", "gst/rtphdrext/core/"]),
    (PURE_PIPELINE, ["std", "own", "orchestrator/session/"] + JSON),
    # Digests of finished files come from OpenSSL: several times as fast as GLib's where the processor helps.
    (r"orchestrator/pipeline/finish_files", ["std", "own", "openssl/"] + JSON + OS),
    (r"orchestrator/pipeline/", ["std", "own", "orchestrator/session/", "orchestrator/telemetry/", "gst/support/"]
     + JSON + GST + OS),
    (r"orchestrator/telemetry/", ["std", "own", "prometheus/"] + JSON + LOOP + OS),
    (r"orchestrator/worker/finish_hook", ["std", "own", "libsoup/"] + JSON + LOOP + OS),
    (r"orchestrator/worker/", ["std", "own", "orchestrator/pipeline/", "orchestrator/session/",
                               "orchestrator/telemetry/", "worker.pb.h", "google/protobuf/"]
     + JSON + LOOP + OS),
    (r"orchestrator/store/", ["std", "own", "orchestrator/session/", "sqlite3.h", "libpq-fe.h"] + JSON + OS),
    (r"orchestrator/api/", ["std", "own", "orchestrator/session/", "orchestrator/telemetry/", "libsoup/"]
     + JSON + LOOP + OS),
    (r"orchestrator/ctl/", ["std", "own", "orchestrator/pipeline/", "orchestrator/session/", "orchestrator/telemetry/",
                            "libsoup/"]
     + JSON + LOOP + OS),
    # Mains wire everything together.
    (r"orchestrator/[^/]+$", None),
]

# Allowed by a prefix above, yet not in these rooms: pure means without threads too.
FORBIDDEN = [
    (r"gst/[^/]+/core/|orchestrator/session/|orchestrator/json/|" + PURE_PIPELINE,
     {"thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "latch", "barrier", "stop_token",
      "iostream", "fstream", "filesystem"}),
]

STD = set("""algorithm any array atomic barrier bit bitset cassert cctype cerrno cfloat charconv chrono cinttypes climits
clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint
cstdio cstdlib cstring ctime cuchar cwchar deque exception execution filesystem format forward_list fstream functional
future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory
memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore
set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view strstream
syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray
variant vector version""".split())

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")', re.M)


def includes(text):
    """(name, quoted) of each include line; comments that mention one do not begin with #."""
    return [(m.group(1) or m.group(2), m.group(2) is not None) for m in INCLUDE.finditer(text)]


def room_of(path):
    """The folder that is the file's room: gst/<plugin>/core, gst/<plugin> or orchestrator/<room>."""
    core = re.match(r"gst/[^/]+/core/", path)
    if core:
        return core.group(0)
    return "/".join(path.split("/")[:2]) + "/"


def refusal(path, include, quoted):
    """Why this include breaks a rule, or None."""
    rule = next((r for r in RULES if re.match(r[0], path)), None)
    if rule is None:
        return "is in no room that rooms.py knows"
    allowed = rule[1]
    for pattern, names in FORBIDDEN:
        if include in names and re.match(pattern, path):
            return f"is pure and must not include <{include}>"
    if quoted and not re.match(r"(gst|orchestrator)/|[a-z_]+\.(pb|grpc\.pb)\.h$", include):
        return f'includes "{include}"; ours are rooted at the top of the tree'
    if allowed is None:
        return None
    if include in STD:
        return None if "std" in allowed else f"may not include <{include}>"
    room = room_of(path)
    pure = re.match(PURE_PIPELINE, path)
    for target in allowed:
        if target == "std":
            continue
        if target == "own":
            if include.startswith(room) and not ("core/" not in room and include.startswith(room + "core/")):
                # Within the pipeline room the pure half must not lean on the builder's half.
                if not pure or re.match(PURE_PIPELINE, include):
                    return None
        elif target == "own-core":
            if include.startswith(room + "core/"):
                return None
        elif target.endswith("/") and include.startswith(target):
            if quoted or not target.startswith(("orchestrator/", "gst/support/")):
                return None
        elif not target.endswith("/") and include.startswith(target):
            return None
    return f"may not include {include}"


def check(path, text):
    return [f"{path}: {why}" for include, quoted in includes(text)
            for why in [refusal(path, include, quoted)] if why]
