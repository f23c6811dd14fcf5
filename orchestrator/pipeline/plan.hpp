// SPDX-License-Identifier: LGPL-2.1-or-later
// Description -> plan: which elements, which properties, which links. Pure data, no GStreamer: the builder
// makes it real, the renderer prints it, and tests compare it. One fragment becomes one GstBin.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "orchestrator/pipeline/description.hpp"

namespace auralink::pipeline {

/// Enums by nick, fractions, caps and structures in GStreamer's string form (checked against the GParamSpec).
using PropertyValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

struct Node {
  std::string id;  ///< unique in its fragment; becomes the element's name
  std::string factory;
  std::map<std::string, PropertyValue> properties;
};

struct Link {
  std::string from, to;       ///< node ids
  std::string from_pad = {};  ///< empty: any compatible pad; request pad templates by name ("src_%u")
  std::string to_pad = {};
  std::string caps = {};  ///< optional filter (a capsfilter node is then not needed)
  bool delayed = false;   ///< `from` exposes its pads later (decodebin, parsebin); made when `caps` match
};

/// Where a fragment meets others: becomes a ghost pad named `name`.
struct Port {
  std::string name;  ///< "video", "audio", or the encode's name
  Media media = Media::video;
  std::string node, pad;
};

struct Fragment {
  std::string name;  ///< bin name: "participant-ann", "encode-h264", "branch-record"
  std::vector<Node> nodes;
  std::vector<Link> links;
  std::vector<Port> inputs, outputs;
};

struct Participant {
  std::string name;
  Nanos join{0};
  std::optional<Nanos> leave;
  bool loop = false;
  bool live = false;  ///< rtp and test: timestamps are already running time
  Nanos timeout{0};   ///< rtp: a silent stream has left after this; 0 never
  Fragment fragment;  ///< outputs: "video" and/or "audio", raw or (passthrough) coded
  /// Where a branch that records this participant alone takes its media: tees of the fragment, coded for rtp
  /// (before the decoder), else raw. None in passthrough.
  std::map<Media, std::string> taps = {};
};

/// What the compositor paints on, for arrange().
struct Canvas {
  Layout layout = Layout::grid;
  unsigned width = 0, height = 0;
};

struct Plan {
  std::string name;
  std::vector<Participant> participants;
  std::map<Media, Fragment>
      mixers;  ///< absent for none; ends in `tee name=raw` or, passthrough, `tee name=coded`
  std::map<std::string, Fragment> encodes;   ///< input "raw", output = encode name; ends in a tee
  std::map<std::string, Fragment> branches;  ///< inputs = names of encodes, or "video"/"audio" in passthrough
  std::optional<Fragment> custom;
  std::optional<Canvas> canvas = {};  ///< set when the video mixer is a compositor
};

[[nodiscard]] Plan make_plan(const Description&, const std::map<std::string, std::string>& branch_paths);
[[nodiscard]] Fragment plan_encode(const Description&, const Stream&);
/// `streams`: those of the branch (streams_of) that exist.
[[nodiscard]] Fragment plan_branch(const Description&, const std::string& name, const Branch&,
                                   const std::vector<Stream>& streams, const std::string& path);

/// One medium of participant `index`, whose packets an appsrc named kFeed is given (rtp_receiver.hpp). The
/// fragment is named "seen-<name>" or "heard-<name>".
[[nodiscard]] Participant plan_received(const RtpSource&, std::size_t index, Media);
inline constexpr const char* kFeed = "feed";

/// The same conference with `participants` test participants instead of its source, so that any description
/// can be tried without cameras, files or network. Where media pass through, they are encoded by the test
/// source.
[[nodiscard]] Description with_test_source(Description, unsigned participants);

/// What goes between a passthrough stream and the queue of a branch that cannot take it as it is: a parser
/// when the container takes the codec in another form, else a decoder and the container's usual encoder.
/// `caps_name` is the media type that flows ("video/x-h264"); `encode` what to use instead of the usual
/// encoder, always when `must_encode`. Input "in", output "out".
[[nodiscard]] Fragment plan_adapter(Container, Media, const std::string& caps_name, unsigned fps,
                                    const std::optional<Encode>& encode = {}, bool must_encode = false);

/// Pixel rectangle of one tile.
struct Tile {
  int x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Tile&) const = default;
};
/// Where `count` visible participants go on a canvas, in join order. Even coordinates (4:2:0). `speaker`
/// gives the first the large tile; `single` shows only the first (the others get empty tiles).
[[nodiscard]] std::vector<Tile> arrange(Layout, unsigned width, unsigned height, std::size_t count);

/// Text forms of a plan. `launch` is one line that plain gst-launch-1.0 runs (shell-quoted); dot is graphviz
/// source.
[[nodiscard]] std::string render_launch(const Plan&);
[[nodiscard]] std::string render_dot(const Plan&);
[[nodiscard]] json::Value render_json(const Plan&);

}  // namespace auralink::pipeline
