// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <set>

#include "orchestrator/pipeline/render_parts.hpp"

namespace auralink::pipeline::parts {
namespace {

struct End {
  std::size_t node;
  std::string pad;
};

class Flattener {
 public:
  explicit Flattener(FlatGraph& graph) : graph_{graph} {}

  /// Adds the fragment's nodes and inner links; returns where its nodes begin.
  std::size_t add(const Fragment& f) {
    const auto base = graph_.nodes.size();
    const auto fragment = graph_.fragments.size();
    graph_.fragments.push_back(f.name);
    for (const auto& node : f.nodes) graph_.nodes.push_back({unique(f.name + "-" + node.id), fragment, node});
    for (const auto& l : f.links)
      graph_.links.push_back(
          {base + find(f, l.from), base + find(f, l.to), l.from_pad, l.to_pad, spelled_out(l.caps)});
    return base;
  }

  static std::size_t find(const Fragment& f, const std::string& id) {
    return static_cast<std::size_t>(
        std::find_if(f.nodes.begin(), f.nodes.end(), [&](const Node& n) { return n.id == id; }) -
        f.nodes.begin());
  }

  /// A whole kind of media is not caps; launch syntax needs the formats by name.
  static std::string spelled_out(const std::string& caps) {
    if (caps == "video") return "video/x-h264;video/x-h265;video/x-vp8;video/x-vp9;video/x-av1";
    if (caps == "audio")
      return "audio/mpeg;audio/x-opus;audio/x-vorbis;audio/x-flac;audio/x-alaw;audio/x-mulaw";
    return caps;
  }

  void join(const End& from, const End& to) {
    graph_.links.push_back({from.node, to.node, from.pad, to.pad, ""});
  }

 private:
  std::string unique(std::string name) {
    for (char& c : name)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-')) c = '_';
    std::string candidate = name;
    for (unsigned n = 2; !taken_.insert(candidate).second; ++n) candidate = name + "_" + std::to_string(n);
    return candidate;
  }

  FlatGraph& graph_;
  std::set<std::string> taken_;
};

/// One pad of a request template, by number.
std::string numbered(std::string pad, std::size_t number) {
  if (const auto at = pad.find("%u"); at != std::string::npos) pad.replace(at, 2, std::to_string(number));
  return pad;
}

void place_tiles(FlatNode& compositor, const Canvas& canvas, std::size_t count) {
  const auto tiles = arrange(canvas.layout, canvas.width, canvas.height, count);
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const auto pad = "sink_" + std::to_string(i) + "::";
    auto& properties = compositor.node.properties;
    if (tiles[i].width == 0) {  // layout single: there, but not shown
      properties[pad + "alpha"] = 0.0;
      continue;
    }
    properties[pad + "xpos"] = std::int64_t{tiles[i].x};
    properties[pad + "ypos"] = std::int64_t{tiles[i].y};
    properties[pad + "width"] = std::int64_t{tiles[i].width};
    properties[pad + "height"] = std::int64_t{tiles[i].height};
    properties[pad + "sizing-policy"] = std::string{"keep-aspect-ratio"};
  }
}

std::set<std::string> used_encodes(const Plan& plan) {
  std::set<std::string> used;
  for (const auto& [name, branch] : plan.branches)
    for (const auto& input : branch.inputs) used.insert(input.name);
  return used;
}

}  // namespace

namespace {

/// The element that writes folders lives in the worker; for a person's shell the same fragments go into one
/// file.
void write_fragments_as_one_file(FlatGraph& graph) {
  for (auto& [name, fragment, node] : graph.nodes) {
    if (node.factory != "fmp4foldersink") continue;
    node.factory = "filesink";
    node.properties = {{"location", std::get<std::string>(node.properties.at("location")) + "/media.mp4"},
                       {"async", false},
                       {"sync", false}};
  }
}

}  // namespace

FlatGraph flatten(const Plan& plan) {
  FlatGraph graph;
  Flattener flat{graph};
  if (plan.custom) return flat.add(*plan.custom), graph;

  std::map<Media, std::size_t> mixer_base;
  // A conference outlives its participants, so its mixers are forced to run; a launch line ends with them.
  // Besides, `gst-launch-1.0 -e` takes a forced mixer for one more source, and in GStreamer 1.22 that end of
  // stream can wait for a lock that is never given back.
  for (const auto& [media, mixer] : plan.mixers) {
    mixer_base[media] = flat.add(mixer);
    graph.nodes[mixer_base[media]].node.properties.erase("force-live");
  }

  std::map<Media, std::size_t> count;
  std::map<std::string, std::size_t> tees;  // a stream's name without its encode -> where it is handed out
  for (const auto& p : plan.participants) {
    const auto base = flat.add(p.fragment);
    for (const auto& [media, node] : p.taps)
      tees[p.name + (media == Media::video ? "/video" : "/audio")] = base + Flattener::find(p.fragment, node);
    for (const auto& out : p.fragment.outputs) {
      const auto& input = plan.mixers.at(out.media).inputs.front();
      const auto mix = mixer_base[out.media] + Flattener::find(plan.mixers.at(out.media), input.node);
      flat.join({base + Flattener::find(p.fragment, out.node), ""},
                {mix, numbered(input.pad, count[out.media]++)});
    }
  }
  if (plan.canvas && count[Media::video] > 0)
    place_tiles(graph.nodes[mixer_base[Media::video] + Flattener::find(plan.mixers.at(Media::video), "mix")],
                *plan.canvas, count[Media::video]);

  for (const auto& [media, mixer] : plan.mixers)
    if (mixer.outputs.front().name != "raw")
      tees[mixer.outputs.front().name] =
          mixer_base[media] + Flattener::find(mixer, mixer.outputs.front().node);
  const auto used = used_encodes(plan);
  for (const auto& [name, encode] : plan.encodes) {
    if (!used.contains(name)) continue;
    const auto base = flat.add(encode);
    const auto& in = encode.inputs.front();
    const auto& mixer = plan.mixers.at(in.media);
    // "ann/h264" encodes what ann alone shows, any other name the mix.
    const auto slash = name.find('/');
    const auto alone = tees.find(name.substr(0, slash) + (in.media == Media::video ? "/video" : "/audio"));
    if (slash != std::string::npos && alone == tees.end()) continue;
    flat.join({slash != std::string::npos
                   ? alone->second
                   : mixer_base[in.media] + Flattener::find(mixer, mixer.outputs.front().node),
               ""},
              {base + Flattener::find(encode, in.node), ""});
    tees[name] = base + Flattener::find(encode, encode.outputs.front().node);
  }
  for (const auto& [name, branch] : plan.branches) {
    const auto base = flat.add(branch);
    for (const auto& in : branch.inputs) {
      // A rendition of what comes coded is made inside the running branch only.
      const auto tee = tees.find(in.name.substr(0, in.name.find('@')));
      const auto whole = tees.find(in.name);
      if (whole == tees.end() && tee == tees.end()) continue;
      flat.join({whole != tees.end() ? whole->second : tee->second, ""},
                {base + Flattener::find(branch, in.node), ""});
    }
  }
  write_fragments_as_one_file(graph);
  return graph;
}

}  // namespace auralink::pipeline::parts
