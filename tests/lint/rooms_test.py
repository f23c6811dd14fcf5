# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads every #include of gst/ and orchestrator/ and compares it with the arrows in rooms.py."""
import rooms
import tree

# The rules themselves: one that refuses nothing would pass for ever. (file, include, quoted, allowed)
EXAMPLES = [
    ("gst/a/core/x.cpp", "vector", False, True),
    ("gst/a/core/x.cpp", "gst/a/core/y.hpp", True, True),
    ("gst/a/core/x.cpp", "gst/gst.h", False, False),
    ("gst/a/core/x.cpp", "gst/support/support.hpp", True, False),
    ("gst/a/core/x.cpp", "gst/a/elements.hpp", True, False),
    ("gst/a/core/x.cpp", "thread", False, False),
    ("gst/a/core/x.cpp", "sys/socket.h", False, False),
    ("gst/aic/core/model/mixers.hpp", "immintrin.h", False, True),
    ("gst/aic/core/model/mixers.hpp", "gst/gst.h", False, False),
    ("gst/a/core/b/x.cpp", "immintrin.h", False, False),
    ("gst/a/x.cpp", "gst/a/core/y.hpp", True, True),
    ("gst/a/x.cpp", "gst/support/support.hpp", True, True),
    ("gst/a/x.cpp", "gst/rtp/gstrtpbuffer.h", False, True),
    ("gst/a/x.cpp", "gst/b/core/y.hpp", True, False),
    ("gst/a/x.cpp", "gst/b/elements.hpp", True, False),
    ("gst/a/x.cpp", "orchestrator/json/json.hpp", True, False),
    ("gst/a/x.cpp", "core/y.hpp", True, False),
    ("gst/support/x.hpp", "gst/a/core/y.hpp", True, False),
    ("orchestrator/json/x.cpp", "nlohmann/json.hpp", False, True),
    ("orchestrator/json/x.cpp", "orchestrator/session/model.hpp", True, False),
    ("orchestrator/session/x.cpp", "orchestrator/json/json.hpp", True, True),
    ("orchestrator/session/x.cpp", "glib.h", False, False),
    ("orchestrator/session/x.cpp", "mutex", False, False),
    ("orchestrator/session/x.cpp", "unistd.h", False, False),
    ("orchestrator/session/x.cpp", "orchestrator/store/sqlite.hpp", True, False),
    ("orchestrator/pipeline/plan.cpp", "orchestrator/session/model.hpp", True, True),
    ("orchestrator/pipeline/plan.cpp", "orchestrator/pipeline/description.hpp", True, True),
    ("orchestrator/pipeline/plan.cpp", "orchestrator/pipeline/builder.hpp", True, False),
    ("orchestrator/pipeline/render_svg.cpp", "gst/gst.h", False, False),
    ("orchestrator/pipeline/builder.cpp", "gst/gst.h", False, True),
    ("orchestrator/pipeline/builder.cpp", "gst/rtphdrext/core/one_byte.hpp", True, False),
    ("orchestrator/worker/x.cpp", "gst/gst.h", False, False),
    ("orchestrator/worker/x.cpp", "worker.pb.h", True, True),
    ("orchestrator/worker/x.cpp", "orchestrator/store/sqlite.hpp", True, False),
    ("orchestrator/api/x.cpp", "orchestrator/session/service.hpp", True, True),
    ("orchestrator/api/x.cpp", "orchestrator/pipeline/plan.hpp", True, False),
    ("orchestrator/api/x.cpp", "orchestrator/store/sqlite.hpp", True, False),
    ("orchestrator/store/x.cpp", "orchestrator/api/server.hpp", True, False),
    ("orchestrator/telemetry/x.cpp", "orchestrator/session/model.hpp", True, False),
    ("orchestrator/ctl/x.cpp", "orchestrator/store/sqlite.hpp", True, False),
    ("orchestrator/auralinkd.cpp", "orchestrator/store/sqlite.hpp", True, True),
    ("orchestrator/unheard-of/x.cpp", "vector", False, False),
]


def main():
    problems = []
    for path, include, quoted, allowed in EXAMPLES:
        if (rooms.refusal(path, include, quoted) is None) != allowed:
            problems.append(f"rooms.py: {path} including {include} should be {'allowed' if allowed else 'refused'}")
    top = tree.root()
    sources = [f for f in tree.files(top, ".cpp", ".hpp", ".h", ".cc") if f.startswith(("gst/", "orchestrator/"))]
    for path in sources:
        problems += rooms.check(path, tree.read(top, path))
    tree.finish("include arrows", problems, len(sources))


if __name__ == "__main__":
    main()
