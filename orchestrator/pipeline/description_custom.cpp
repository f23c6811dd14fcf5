// SPDX-License-Identifier: LGPL-2.1-or-later
// kind "Custom": an explicit graph. Descriptions come from disk only, yet the elements are still listed here:
// a graph copied from somewhere must not be able to run programs or open listening sockets by surprise.
#include <algorithm>
#include <set>

#include "orchestrator/pipeline/description_parts.hpp"

namespace auralink::pipeline::parts {
namespace {

// Sorted. Plain media elements; nothing that runs a command, loads code, or resolves names of its own accord.
constexpr std::array<std::string_view, 77> kAllowed{
    "aacparse",     "alawdec",        "audioconvert", "audiomixer",   "audiorate",       "audioresample",
    "audiotestsrc", "avdec_aac",      "avdec_h264",   "avenc_aac",    "capsfilter",      "clockoverlay",
    "clocksync",    "compositor",     "decodebin",    "deinterlace",  "fakesink",        "fakesrc",
    "filesink",     "filesrc",        "flvmux",       "funnel",       "h264parse",       "identity",
    "imagefreeze",  "input-selector", "interleave",   "level",        "matroskademux",   "matroskamux",
    "mp4mux",       "mpegtsmux",      "mulawdec",     "multiqueue",   "opusdec",         "opusenc",
    "opusparse",    "openh264dec",    "openh264enc",  "parsebin",     "qtdemux",         "queue",
    "queue2",       "rtpextinject",   "rtph264depay", "rtph264pay",   "rtpjitterbuffer", "rtpopusdepay",
    "rtpopuspay",   "rtppcmadepay",   "rtppcmapay",   "rtppcmudepay", "rtppcmupay",      "rtpvp8depay",
    "rtpvp8pay",    "splitmuxsink",   "tee",          "textoverlay",  "timeoverlay",     "udpsink",
    "udpsrc",       "valve",          "videobox",     "videoconvert", "videocrop",       "videoflip",
    "videorate",    "videoscale",     "videotestsrc", "voaacenc",     "volume",          "vp8dec",
    "vp8enc",       "vp9dec",         "vp9enc",       "webmmux",      "x264enc"};

/// Words that elements, properties and pads are named with.
bool is_word(std::string_view text, std::string_view extra) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

CustomElement read_element(const Value& value, const std::string& pointer, Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  CustomElement e;
  e.id = reader.string("id", Need::required).value_or("");
  if (reader.has("id") && !is_word(e.id, "-_"))
    reader.complain("id", "expected 1 to 64 letters, digits, \"-\" or \"_\"");
  if (const auto factory = reader.string("factory", Need::required)) {
    e.factory = *factory;
    if (std::find(kAllowed.begin(), kAllowed.end(), *factory) == kAllowed.end())
      reader.complain("factory", "element " + json::shown(*factory) +
                                     " is not on the list of allowed elements" +
                                     json::did_you_mean(*factory, kAllowed));
  }
  if (const auto* properties = reader.object("properties")) {
    for (const auto& [key, v] : properties->items()) {
      const auto at = json::child(reader.at("properties"), key);
      if (!is_word(key, "-") || key == "name" || key == "parent")
        violations.push_back({at, "expected the name of a property of the element"});
      if (v.is_boolean())
        e.properties[key] = v.get<bool>();
      else if (v.is_number_integer())
        e.properties[key] = v.get<std::int64_t>();
      else if (v.is_number())
        e.properties[key] = v.get<double>();
      else if (v.is_string())
        e.properties[key] = v.get<std::string>();
      else
        violations.push_back({at, "expected a boolean, a number or a string, found " + json::shown(v)});
    }
  }
  reader.finish();
  return e;
}

CustomLink read_link(const Value& value, const std::string& pointer, const std::vector<std::string_view>& ids,
                     Violations& violations) {
  ObjectReader reader{value, pointer, violations};
  CustomLink l;
  const auto end = [&](std::string_view key, std::string& into) {
    const auto id = reader.string(key, Need::required);
    if (!id) return;
    into = *id;
    if (std::find(ids.begin(), ids.end(), *id) == ids.end())
      reader.complain(key, "no element has the id " + json::shown(*id) + json::did_you_mean(*id, ids));
  };
  const auto pad = [&](std::string_view key, std::string& into) {
    into = reader.string(key).value_or("");
    if (!into.empty() && !is_word(into, "-_%")) reader.complain(key, "expected the name of a pad");
  };
  end("from", l.from);
  end("to", l.to);
  pad("fromPad", l.from_pad);
  pad("toPad", l.to_pad);
  l.caps = reader.string("caps").value_or("");
  if (!l.from.empty() && l.from == l.to) reader.complain("to", "an element cannot be linked to itself");
  reader.finish();
  return l;
}

}  // namespace

CustomGraph read_custom(ObjectReader& reader, Violations& violations) {
  CustomGraph graph;
  std::set<std::string> taken;
  if (const auto* elements = reader.array("elements", kMaxElements, Need::required)) {
    if (elements->empty()) reader.complain("elements", "expected at least one element");
    for (std::size_t i = 0; i < elements->size(); ++i) {
      const auto at = json::child(reader.at("elements"), i);
      graph.elements.push_back(read_element((*elements)[i], at, violations));
      const auto& id = graph.elements.back().id;
      if (!id.empty() && !taken.insert(id).second)
        violations.push_back({json::child(at, "id"), "ids are unique; " + json::shown(id) + " is taken"});
    }
  }
  std::vector<std::string_view> ids;
  for (const auto& e : graph.elements) ids.emplace_back(e.id);
  if (const auto* links = reader.array("links", kMaxElements * 2))
    for (std::size_t i = 0; i < links->size(); ++i)
      graph.links.push_back(read_link((*links)[i], json::child(reader.at("links"), i), ids, violations));
  return graph;
}

}  // namespace auralink::pipeline::parts
