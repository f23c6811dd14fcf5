// SPDX-License-Identifier: LGPL-2.1-or-later
// aic_recode [--profile max|lite|fast] [--table-bits N] [--mtu N] [--limit N] [--verify] STREAM...
//
// Sends H.264 byte streams through both ends of the AIC tunnel, without a network between them, and prints
// one JSON object a line: bytes on the wire in and out (IPv4, UDP, RTP and payload headers and all fallbacks
// included), whether every packet came out as it went in, processor time per bit of the stream and per access
// unit, memory. Exits non-zero when anything differs. `--verify` decodes each access unit before it is sent,
// as rtpaiccompress does by default; its time is not counted.
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "gst/aic/core/h264/nal.hpp"
#include "gst/aic/core/rtp/lossless_engine.hpp"
#include "gst/aic/core/rtp/receiver.hpp"
#include "gst/aic/core/rtp/sender.hpp"
#include "tests/gst/aic/rtp/stream.hpp"

namespace auralink::aic {
namespace {

using rtp::Time;
using Wire = std::vector<std::uint8_t>;

Time processor_time() noexcept {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return Time{t.tv_sec} * 1'000'000 + t.tv_nsec / 1000;
}

struct Options {
  Profile profile = Profile::kMax;
  Limits limits;
  std::size_t mtu = 1200;
  std::size_t limit = SIZE_MAX;  // access units
  bool verify = false;
  std::vector<std::string> streams;
};

std::vector<AccessUnit> access_units(const std::string& path, std::size_t limit) {
  std::ifstream file{path, std::ios::binary};
  const std::vector<char> text{std::istreambuf_iterator<char>{file}, {}};
  const std::vector<std::uint8_t> bytes{text.begin(), text.end()};
  std::vector<AccessUnit> units;
  bool slices = false;
  for (const auto nal : h264::split_byte_stream(bytes)) {
    if (units.empty() || (slices && h264::begins_access_unit(nal))) {
      if (units.size() == limit) break;
      units.emplace_back();
      slices = false;
    }
    slices = slices || h264::is_slice(nal);
    units.back().add(nal);
  }
  return units;
}

double percentile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

bool recode(const std::string& path, const Options& options) {
  const std::vector<AccessUnit> units = access_units(path, options.limit);
  rtp::LosslessEngine near{options.limits, processor_time};
  rtp::LosslessEngine far{options.limits, processor_time};
  near.set_mirror(options.verify);
  rtp::Sender sender{near, options.limits.max_access_unit, 1};
  rtp::Receiver receiver{far, options.limits.max_access_unit, 2};
  rtp::SenderSettings settings;
  settings.mtu = options.mtu;
  settings.pace.deadline_us = 10'000'000;
  settings.pace.best = options.profile;
  settings.pace.adaptive = false;
  rtp::ReceiverSettings receiving;
  receiving.exact = true;

  std::vector<Wire> sent;
  std::vector<Wire> restored;
  std::vector<double> encoding;
  std::vector<double> decoding;
  std::uint64_t bits = 0;
  std::uint16_t sequence = 0;
  Time now = 1'000'000;
  rtp::Outputs out;
  rtp::Outputs back;
  sender.configure(settings, now, out);
  const auto deliver = [&](std::uint64_t handle, const Wire& wire) {
    const Time begin = processor_time();
    receiver.push(receiving, handle, wire, now, back);
    decoding.back() += static_cast<double>(processor_time() - begin);
    for (const auto& one : back) {
      if (one.kind == rtp::Output::Kind::kMade) restored.push_back(one.bytes);
      if (one.kind == rtp::Output::Kind::kForward) {
        Wire packet = wire;
        if (one.renumber)
          packet[2] = static_cast<std::uint8_t>(one.sequence >> 8U),
          packet[3] = static_cast<std::uint8_t>(one.sequence & 0xFFU);
        restored.push_back(packet);
      }
    }
    back.clear();
    if (const auto feedback = receiver.feedback(now)) sender.feedback(*feedback, now);
  };
  std::uint32_t timestamp = 0;
  for (const AccessUnit& unit : units) {
    const std::vector<Wire> packets =
        rtp::test::packets(unit, sequence, timestamp, options.mtu - rtp::kRtpHeader);
    bits += unit.bytes.size() * 8;
    timestamp += 3600;
    now += 40'000;
    decoding.push_back(0);
    const std::size_t first = sent.size();
    for (const Wire& packet : packets) {
      sent.push_back(packet);
      sender.push(sent.size() - 1, packet, now, out);
    }
    encoding.push_back(static_cast<double>(sender.last_unit().micros));
    for (const auto& one : out) {
      if (one.kind == rtp::Output::Kind::kMade) deliver(one.handle, one.bytes);
      if (one.kind == rtp::Output::Kind::kForward) {
        Wire wire = sent[static_cast<std::size_t>(one.handle)];
        if (one.renumber)
          wire[2] = static_cast<std::uint8_t>(one.sequence >> 8U),
          wire[3] = static_cast<std::uint8_t>(one.sequence & 0xFFU);
        deliver(one.handle, wire);
      }
    }
    out.clear();
    static_cast<void>(first);
  }
  const auto& stats = sender.stats();
  const bool exact = restored == sent && !units.empty();
  double encoded = 0;
  double decoded = 0;
  for (const double us : encoding) encoded += us;
  for (const double us : decoding) decoded += us;
  nlohmann::json native = nlohmann::json::object();
  for (std::size_t i = 1; i < rtp::kCauses; ++i)
    if (stats.native[i] != 0) native[std::string{rtp::name(static_cast<rtp::Cause>(i))}] = stats.native[i];
  const auto per_bit = [bits](double us) {
    return us / static_cast<double>(std::max<std::uint64_t>(bits, 1));
  };
  const auto in = static_cast<double>(std::max<std::uint64_t>(stats.bytes_in, 1));
  std::printf(
      "%s\n",
      nlohmann::json{
          {"stream", path.substr(path.rfind('/') + 1)},
          {"exact", exact},
          {"access_units", units.size()},
          {"coded", stats.units_coded},
          {"native", native},
          {"wire_in", stats.bytes_in},
          {"wire_out", stats.bytes_out},
          {"saving_percent", 100.0 - 100.0 * static_cast<double>(stats.bytes_out) / in},
          {"encode_us_per_bit", per_bit(encoded)},
          {"decode_us_per_bit", per_bit(decoded)},
          {"encode_ms", {percentile(encoding, 0.5) / 1e3, percentile(encoding, 0.99) / 1e3}},
          {"decode_ms", {percentile(decoding, 0.5) / 1e3, percentile(decoding, 0.99) / 1e3}},
          {"memory_mb", {static_cast<double>(near.memory()) / 1e6, static_cast<double>(far.memory()) / 1e6}}}
          .dump()
          .c_str());
  std::fflush(stdout);
  return exact;
}

bool number(std::string_view text, auto& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--verify") {
      options.verify = true;
    } else if (word.starts_with("--")) {
      if (++i == argc) return false;
      const std::string_view value = argv[i];
      if (word == "--profile" && value == "max")
        options.profile = Profile::kMax;
      else if (word == "--profile" && value == "lite")
        options.profile = Profile::kLite;
      else if (word == "--profile" && value == "fast")
        options.profile = Profile::kFast;
      else if (word == "--table-bits" && number(value, options.limits.table_bits))
        continue;
      else if (word == "--mtu" && number(value, options.mtu))
        continue;
      else if (word == "--limit" && number(value, options.limit))
        continue;
      else
        return false;
    } else {
      options.streams.emplace_back(word);
    }
  }
  return !options.streams.empty();
}

}  // namespace
}  // namespace auralink::aic

int main(int argc, char** argv) {
  auralink::aic::Options options;
  if (!auralink::aic::parse(argc, argv, options)) {
    std::fputs(
        "usage: aic_recode [--profile max|lite|fast] [--table-bits N] [--mtu N] [--limit N] [--verify] "
        "STREAM...\n",
        stderr);
    return 2;
  }
  bool good = true;
  for (const auto& path : options.streams) good = auralink::aic::recode(path, options) && good;
  return good ? 0 : 1;
}
