// SPDX-License-Identifier: LGPL-2.1-or-later
// Finishes a recording without a daemon: finish_tool CONTAINER PATH PREVIEW_MS [EPOCH STARTED_AT_MS CLEAN
// PIECE]... Prints what would be reported as JSON. For the tests that look at media with ffmpeg.
#include <gst/gst.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "orchestrator/pipeline/finish.hpp"
#include "orchestrator/pipeline/finish_pictures.hpp"

namespace session = auralink::session;
namespace finish = auralink::pipeline::finish;
using auralink::json::Value;

namespace {

Value to_json(const session::FinishReport& report) {
  Value pieces = Value::array(), gaps = Value::array(), artifacts = Value::array();
  for (const auto& piece : report.pieces)
    pieces.push_back({{"epoch", piece.epoch}, {"durationNs", piece.duration_ns}, {"bytes", piece.bytes}});
  for (const auto& gap : report.gaps) gaps.push_back({{"atNs", gap.at_ns}, {"missingNs", gap.missing_ns}});
  for (const auto& one : report.artifacts)
    artifacts.push_back({{"kind", one.kind}, {"path", one.path}, {"bytes", one.bytes}});
  return {{"stage", report.stage == session::FinishReport::Stage::failed ? "failed" : "finalised"},
          {"path", report.path},
          {"bytes", report.bytes},
          {"bitrate", report.bitrate},
          {"durationNs", report.duration_ns},
          {"sha256", report.sha256},
          {"pieces", pieces},
          {"gaps", gaps},
          {"artifacts", artifacts},
          {"error", report.error}};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() < 3 || (args.size() - 3) % 4 != 0) return std::fputs("usage: see the source\n", stderr), 2;
  session::FinishOrder order;
  order.recording = "rec-1";
  order.container = args[0];
  order.path = args[1];
  order.preview_interval = session::Millis{std::stoll(args[2])};
  order.sidecar = {{"version", 1}, {"metadata", {{"title", "a test"}}}};
  for (std::size_t i = 3; i < args.size(); i += 4) {
    session::Piece piece;
    piece.epoch = static_cast<std::uint32_t>(std::stoul(args[i]));
    piece.started_at = session::Millis{std::stoll(args[i + 1])};
    piece.clean = args[i + 2] == "1";
    piece.path = args[i + 3];
    order.pieces.push_back(piece);
  }
  auto finished = finish::finalise(order, {});
  if (order.preview_interval.count() > 0 && finished.report.error.empty()) {
    gst_init(nullptr, nullptr);
    auto pictures = finish::draw(order, finished, {});
    if (!pictures) return std::fprintf(stderr, "%s\n", pictures.error().c_str()), 1;
    for (auto& one : *pictures) finished.report.artifacts.push_back(std::move(one));
  }
  std::printf("%s\n", to_json(finished.report).dump().c_str());
  return finished.report.stage == session::FinishReport::Stage::failed ? 1 : 0;
}
