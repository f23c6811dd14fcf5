// SPDX-License-Identifier: LGPL-2.1-or-later
// Real encoders of many kinds through both ends of the tunnel and the real engine, one after the other in one
// stream, so that sizes and parameter sets change in its course. Every access unit must come back bit for
// bit. By itself a sample; with the argument `long` at least 20,000 access units.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "gst/aic/core/h264/slice_data.hpp"
#include "gst/aic/core/rtp/gather.hpp"
#include "gst/aic/core/rtp/lossless_engine.hpp"
#include "gst/aic/core/rtp/receiver.hpp"
#include "gst/aic/core/rtp/sender.hpp"
#include "tests/gst/aic/encoders.hpp"
#include "tests/gst/aic/rtp/stream.hpp"

namespace auralink::aic {

bool long_run = false;  // set by main()

namespace {

using rtp::Output;
using rtp::Outputs;

rtp::Time wall() noexcept { return g_get_monotonic_time(); }

struct Recipe {
  const char* name;
  const char* clip;  ///< null: noise
  const char* raw;   ///< caps of the picture
  const char* encoder;
  bool coded = true;     ///< the engine is for this
  bool extreme = false;  ///< rewritten with I_PCM macroblocks and vectors that no encoder chooses
};

constexpr const char* kSmall = "width=176,height=144";
constexpr const char* kMiddle = "width=320,height=240";
constexpr const char* kOdd = "width=190,height=118";
constexpr const char* kBaseline = " ! video/x-h264,profile=constrained-baseline";

std::vector<Recipe> recipes() {
  using namespace test;
  return {
      {"openh264 camera", kCockatoo, kMiddle, "openh264enc bitrate=300000 gop-size=100"},
      {"openh264 screen, 4 slices", kHello, kMiddle,
       "openh264enc usage-type=screen slice-mode=n-slices num-slices=4 bitrate=300000"},
      {"openh264 high complexity", kMegamind, kMiddle, "openh264enc complexity=high bitrate=400000"},
      {"openh264 no deblocking", kStreet, kSmall, "openh264enc deblocking=off bitrate=150000 gop-size=60"},
      {"openh264 odd size", kCockatoo, kOdd, "openh264enc bitrate=200000"},
      {"x264 ultrafast", kHello, kMiddle, "x264enc speed-preset=ultrafast bitrate=300 tune=zerolatency"},
      {"x264 superfast", kStreet, kSmall, "x264enc speed-preset=superfast bitrate=200 tune=zerolatency"},
      {"x264 veryfast, 3 references", kCockatoo, kOdd,
       "x264enc speed-preset=veryfast ref=3 bitrate=250 tune=zerolatency"},
      {"x264 medium", kMegamind, kSmall,
       "x264enc speed-preset=medium bitrate=200 bframes=0 tune=zerolatency"},
      {"x264 slower", kHello, kSmall, "x264enc speed-preset=slower bitrate=150 bframes=0 tune=zerolatency"},
      {"x264 4 slices, constrained intra", kStreet, kSmall,
       "x264enc speed-preset=fast bitrate=200 tune=zerolatency option-string=slices=4:constrained-intra=1"},
      {"x264 small slices, intra refresh", kCockatoo, kMiddle,
       "x264enc speed-preset=superfast bitrate=300 tune=zerolatency "
       "option-string=slice-max-size=600:intra-refresh=1:keyint=60"},
      {"x264 qp 1, noise", nullptr, "width=64,height=48",
       "x264enc speed-preset=medium pass=quant quantizer=1 qp-min=1 tune=zerolatency bframes=0"},
      {"I_PCM, longest vectors", kHello, kSmall, "x264enc speed-preset=fast bitrate=200 tune=zerolatency",
       true, true},
      {"x264 long vectors", kMegamind, kSmall,
       "x264enc speed-preset=fast me=umh bitrate=150 tune=zerolatency option-string=merange=64:mvrange=512"},
      {"x264 CABAC", kHello, kSmall, "x264enc speed-preset=fast bitrate=150 cabac=true", false},
  };
}

/// Sender and receiver, wired to each other.
class Tunnel {
 public:
  Tunnel() {
    near_.set_mirror(true);
    settings_.pace.deadline_us = 60'000'000;  // about what is right and not about time
    settings_.pace.high = 1e9;
    settings_.epoch_us = 100'000;
  }

  void pass(const AccessUnit& unit) {
    timestamp_ += 3600;
    Outputs out;
    sender_.configure(settings_, now_, out);
    std::vector<rtp::test::Wire> original = rtp::test::packets(unit, sequence_, timestamp_);
    for (const auto& packet : original) sender_.push(handle_++, packet, now_, out);
    std::vector<rtp::test::Wire> back;
    std::size_t forwarded = 0;
    for (Output& o : out) {
      if (o.kind == Output::Kind::kDrop) continue;
      rtp::test::Wire wire = o.kind == Output::Kind::kMade ? std::move(o.bytes) : original[forwarded++];
      if (o.renumber)
        wire[2] = static_cast<std::uint8_t>(o.sequence >> 8U),
        wire[3] = static_cast<std::uint8_t>(o.sequence);
      Outputs restored;
      receiver_.push({.exact = true}, handle_++, wire, now_, restored);
      for (Output& r : restored) {
        if (r.kind == Output::Kind::kMade) back.push_back(std::move(r.bytes));
        if (r.kind == Output::Kind::kForward) {
          wire[2] = static_cast<std::uint8_t>(r.sequence >> 8U),
          wire[3] = static_cast<std::uint8_t>(r.sequence);
          back.push_back(wire);
        }
      }
      if (const auto feedback = receiver_.feedback(now_)) sender_.feedback(*feedback, now_);
    }
    ASSERT_TRUE(back == original) << "access unit " << timestamp_ / 3600;
    now_ += 40'000;
  }
  [[nodiscard]] const rtp::SenderStats& stats() const { return sender_.stats(); }
  [[nodiscard]] const rtp::ReceiverStats& received() const { return receiver_.stats(); }

 private:
  rtp::LosslessEngine near_{Limits{}, wall};
  rtp::LosslessEngine far_{Limits{}, wall};
  rtp::Sender sender_{near_, Limits{}.max_access_unit, 7};
  rtp::Receiver receiver_{far_, Limits{}.max_access_unit, 1};
  rtp::SenderSettings settings_;
  rtp::Handle handle_ = 1;
  rtp::Time now_ = 1'000'000;
  std::uint32_t timestamp_ = 0;
  std::uint16_t sequence_ = 0;
};

/// The clips are short: a long run takes them again, mirrored and turned, which are other pictures to an
/// encoder.
std::string line_of(const Recipe& recipe, int frames, int round) {
  const std::string source = recipe.clip != nullptr
                                 ? std::string{"filesrc location="} + recipe.clip + " ! decodebin"
                                 : "videotestsrc pattern=snow num-buffers=300";
  std::string line = source + " ! videoconvert ! videoflip method=" + std::to_string(round % 8) +
                     " ! videoscale ! video/x-raw,format=I420," + recipe.raw +
                     " ! identity eos-after=" + std::to_string(frames) + " ! " + recipe.encoder;
  if (recipe.coded && line.find("x264enc") != std::string::npos) line += kBaseline;
  return line;
}

/// Reads slices as the engine does, counts what is rare, and writes some of it in where an encoder would not.
class Syntax {
 public:
  std::size_t slices = 0;
  std::size_t pcm = 0;
  int longest = 0;  ///< motion vector difference, in quarter samples

  /// The unit, or one that is as sound but stranger.
  AccessUnit look(const AccessUnit& unit, bool alter) {
    AccessUnit out;
    for (std::size_t i = 0; i < unit.count(); ++i) {
      const Bytes nal = unit.nal(i);
      sets_.take(nal);
      h264::ReadSlice slice;
      const unsigned type = nal.front() & 31U;
      if (type == 1 || type == 5) {
        if (++number_; i == 0 || (unit.nal(i - 1).front() & 31U) != type) picture_.begin_picture();
        if (h264::read_slice(nal, sets_, number_, picture_, slice) == h264::Refusal::kNone) {
          ++slices;
          if (alter) {
            make_extreme();
            std::vector<std::uint8_t> written;
            h264::write_slice(slice.header, *slice.sps, *slice.pps, slice.end, picture_, written);
            out.add(written);
            count();
            continue;
          }
          count();
        }
      }
      out.add(nal);
    }
    return out;
  }

 private:
  void count() {
    for (const auto& mb : picture_.at) {
      if (mb.slice != number_) continue;
      pcm += mb.type == h264::MbType::kPcm ? 1 : 0;
      if (h264::is_inter(mb.type))
        for (const auto& mvd : mb.mvd)
          longest = std::max({longest, std::abs(int{mvd.x}), std::abs(int{mvd.y})});
    }
  }
  void make_extreme() {
    for (auto& mb : picture_.at) {
      if (mb.slice != number_) continue;
      const auto dice = random_() % 40;
      if (dice == 0) {
        mb.clear(number_, h264::MbType::kPcm, mb.qp);
        mb.ref.fill(-1);
        mb.cbp = 47;
        mb.total.fill(16);
        for (auto& plane : mb.chroma_total) plane.fill(16);
        for (std::size_t i = 0; i < 384; ++i) mb.set_pcm_sample(i, static_cast<std::uint8_t>(random_()));
      } else if (dice == 1 && mb.type == h264::MbType::k16x16) {
        const auto far = [this] { return static_cast<std::int16_t>(random_() % 2 == 0 ? 8191 : -8192); };
        mb.mvd.fill({far(), far()});
      }
    }
  }
  h264::ParameterSets sets_;
  h264::MacroblockMap picture_;
  std::int32_t number_ = 0;
  std::mt19937 random_{5};
};

TEST(Variety, ComesBackBitForBit) {
  Tunnel tunnel;
  Syntax syntax;
  std::uint64_t total = 0;
  const int frames = long_run ? 1 << 20 : 24;
  for (int round = 0; round == 0 || (long_run && total < 20'000); ++round) {
    for (const Recipe& recipe : recipes()) {
      const auto before = tunnel.stats();
      const int count = test::encode(line_of(recipe, frames, round), frames, [&](const AccessUnit& unit) {
        tunnel.pass(syntax.look(unit, recipe.extreme));
      });
      ASSERT_FALSE(testing::Test::HasFatalFailure()) << recipe.name;
      ASSERT_GT(count, 20) << recipe.name;
      total += static_cast<std::uint64_t>(count);
      const auto& after = tunnel.stats();
      const auto coded = after.units_coded - before.units_coded;
      std::printf("%-34s %6d access units, %5.1f %% coded, %5.1f %% saved on the wire\n", recipe.name, count,
                  100.0 * static_cast<double>(coded) / count,
                  100.0 - 100.0 * static_cast<double>(after.bytes_out - before.bytes_out) /
                              static_cast<double>(after.bytes_in - before.bytes_in));
      if (recipe.coded)
        EXPECT_GE(static_cast<double>(coded), 0.9 * count) << recipe.name;
      else
        EXPECT_EQ(coded, 0U) << recipe.name;
    }
  }
  std::printf("%llu access units, %zu slices, %zu I_PCM macroblocks, longest vector difference %d\n",
              static_cast<unsigned long long>(total), syntax.slices, syntax.pcm, syntax.longest);
  EXPECT_EQ(tunnel.received().units_corrupt, 0U);
  EXPECT_EQ(tunnel.stats().resyncs, 0U);
  EXPECT_EQ(tunnel.stats().native.at(static_cast<std::size_t>(rtp::Cause::kUnverified)), 0U);
  EXPECT_GT(syntax.pcm, 0U);
  EXPECT_GE(syntax.longest, 8191);
  EXPECT_GT(syntax.slices, total) << "some pictures have several";
  if (long_run) {
    EXPECT_GE(total, 20'000U);
  }
}

}  // namespace
}  // namespace auralink::aic

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  auralink::aic::long_run = argc > 1 && std::strcmp(argv[1], "long") == 0;
  return RUN_ALL_TESTS();
}
