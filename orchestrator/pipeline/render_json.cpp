// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/json/text.hpp"
#include "orchestrator/pipeline/plan.hpp"

namespace auralink::pipeline {
namespace {

using json::Value;

Value render(const std::vector<Port>& ports) {
  Value out = Value::array();
  for (const auto& p : ports)
    out.push_back({{"name", p.name},
                   {"media", p.media == Media::video ? "video" : "audio"},
                   {"node", p.node},
                   {"pad", p.pad}});
  return out;
}

Value render(const Fragment& f) {
  Value nodes = Value::array();
  for (const auto& node : f.nodes) {
    Value properties = Value::object();
    for (const auto& [key, value] : node.properties)
      properties[key] = std::visit([](const auto& v) { return Value(v); }, value);
    nodes.push_back({{"id", node.id}, {"factory", node.factory}, {"properties", std::move(properties)}});
  }
  Value links = Value::array();
  for (const auto& l : f.links) {
    Value link{{"from", l.from}, {"to", l.to}};
    if (!l.from_pad.empty()) link["fromPad"] = l.from_pad;
    if (!l.to_pad.empty()) link["toPad"] = l.to_pad;
    if (!l.caps.empty()) link["caps"] = l.caps;
    if (l.delayed) link["delayed"] = true;
    links.push_back(std::move(link));
  }
  return {{"name", f.name},
          {"nodes", std::move(nodes)},
          {"links", std::move(links)},
          {"inputs", render(f.inputs)},
          {"outputs", render(f.outputs)}};
}

}  // namespace

json::Value render_json(const Plan& plan) {
  Value out{{"name", plan.name}};
  if (plan.custom) {
    out["custom"] = render(*plan.custom);
    return out;
  }
  out["participants"] = Value::array();
  for (const auto& p : plan.participants) {
    Value one{{"name", p.name}, {"live", p.live}, {"loop", p.loop}, {"fragment", render(p.fragment)}};
    one["join"] = json::print_duration(p.join.count());
    one["leave"] = p.leave ? Value(json::print_duration(p.leave->count())) : Value(nullptr);
    one["timeout"] = json::print_duration(p.timeout.count());
    out["participants"].push_back(std::move(one));
  }
  for (const auto& [media, f] : plan.mixers)
    out["mixers"][media == Media::video ? "video" : "audio"] = render(f);
  for (const auto& [name, f] : plan.encodes) out["encodes"][name] = render(f);
  for (const auto& [name, f] : plan.branches) out["branches"][name] = render(f);
  if (plan.canvas) out["canvas"] = {{"width", plan.canvas->width}, {"height", plan.canvas->height}};
  return out;
}

}  // namespace auralink::pipeline
