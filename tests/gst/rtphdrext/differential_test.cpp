// SPDX-License-Identifier: LGPL-2.1-or-later
// The core against GStreamer's own reader and writer, on packets drawn from a fixed seed.
#include <gst/rtp/gstrtpbuffer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>

#include "gst/rtphdrext/core/injection.hpp"
#include "gst/support/support.hpp"
#include "tests/gst/rtphdrext/packets.hpp"

namespace auralink::rtphdrext {
namespace {

using support::Owned;
using test::packet;
using test::Wire;

Owned<GstBuffer> to_buffer(const Wire& wire) {
  return support::adopt(gst_buffer_new_memdup(wire.data(), wire.size()));
}

struct Wanted {
  unsigned id = 1;
  Wire data{};
  unsigned remove = 0;  ///< 0: nothing
};

Wire rewritten(const Wire& wire, const Wanted& wanted) {
  const Packet view{.head = wire, .size = wire.size(), .last_byte = wire.back()};
  const auto parsed = read_packet(view);
  if (parsed.value() == nullptr) return {};
  const std::array set{ElementView{.id = static_cast<std::uint8_t>(wanted.id), .data = wanted.data}};
  Edits edits{.set = set, .remove = {}};
  if (wanted.remove != 0) edits.remove.set(wanted.remove);
  const auto decision = decide(view, *parsed.value(), edits, 65535);
  if (!decision.rewrites()) return {};
  Wire out(decision.rewrite.head_size);
  write_head(wire, decision.header, edits, decision.rewrite, out);
  out.insert(out.end(), wire.begin() + static_cast<std::ptrdiff_t>(decision.header.payload_offset),
             wire.end());
  return out;
}

/// The data of the nth element of an id as GStreamer sees it; empty when there is none.
std::optional<Wire> gst_element_data(GstRTPBuffer* rtp, unsigned id, unsigned nth = 0) {
  guint8 appbits = 0;
  gpointer data = nullptr;
  guint size = 0;
  if (!(id <= kMaxOneByteId &&
        gst_rtp_buffer_get_extension_onebyte_header(rtp, static_cast<guint8>(id), nth, &data, &size)) &&
      !gst_rtp_buffer_get_extension_twobytes_header(rtp, &appbits, static_cast<guint8>(id), nth, &data,
                                                    &size))
    return std::nullopt;
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  return Wire{bytes, bytes + size};
}

class Draw {
 public:
  unsigned below(unsigned end) { return std::uniform_int_distribution<unsigned>{0, end - 1}(engine_); }
  Wire bytes(std::size_t count) {
    Wire out(count);
    std::generate(out.begin(), out.end(), [&] { return static_cast<std::uint8_t>(below(256)); });
    return out;
  }
  /// A sound extension: up to five elements, ids may repeat, padding in between.
  Wire extension(Form form) {
    const bool one = form == Form::kOneByte;
    Wire out;
    for (unsigned i = below(6); i > 0; --i) {
      const unsigned size = 1 + below(one ? 16 : 40);  // GStreamer overlooks an empty element at the end
      const unsigned id = one ? 1 + below(14) : 1 + below(20);
      if (one) {
        out.push_back(static_cast<std::uint8_t>((id << 4U) | (size - 1)));
      } else {
        out.push_back(static_cast<std::uint8_t>(id));
        out.push_back(static_cast<std::uint8_t>(size));
      }
      const Wire data = bytes(size);
      out.insert(out.end(), data.begin(), data.end());
      out.insert(out.end(), below(3), 0);
    }
    while (out.size() % 4 != 0) out.push_back(0);
    return out;
  }

 private:
  std::mt19937 engine_{20240817};  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same packets each time
};

TEST(Differential, GStreamerReadsEveryElementThatWasWritten) {
  Draw draw;
  int two_byte = 0;
  constexpr int kRounds = 5000;
  for (int round = 0; round < kRounds; ++round) {
    test::PacketSpec spec{.csrcs = draw.below(16), .payload = draw.bytes(1 + draw.below(40))};
    if (draw.below(4) != 0) {
      const Form form = draw.below(2) == 0 ? Form::kOneByte : Form::kTwoByte;
      spec.profile = form == Form::kOneByte ? kOneByteProfile : kTwoByteProfile + draw.below(16);
      spec.extension = draw.extension(form);
    }
    Wanted wanted{.id = 1 + draw.below(draw.below(2) == 0 ? 14 : 20),
                  .data = draw.bytes(1 + draw.below(draw.below(2) == 0 ? 16 : 40)),
                  .remove = draw.below(20)};
    if (wanted.remove == wanted.id) wanted.remove = 0;
    const Wire before = packet(spec);
    const Wire after = rewritten(before, wanted);
    ASSERT_FALSE(after.empty()) << round;

    const auto old_buffer = to_buffer(before);
    const auto new_buffer = to_buffer(after);
    support::RtpMap old_map{old_buffer.get(), GST_MAP_READ};
    support::RtpMap new_map{new_buffer.get(), GST_MAP_READ};
    ASSERT_TRUE(old_map.ok() && new_map.ok()) << round;

    EXPECT_EQ(gst_element_data(new_map.get(), wanted.id), wanted.data) << round;
    EXPECT_FALSE(gst_element_data(new_map.get(), wanted.id, 1)) << round;
    for (unsigned other = 1; other <= 20; ++other)
      for (unsigned nth = 0; other != wanted.id && nth < 6; ++nth)
        ASSERT_EQ(gst_element_data(new_map.get(), other, nth),
                  other == wanted.remove ? std::nullopt : gst_element_data(old_map.get(), other, nth))
            << round;

    guint16 profile = 0;
    ASSERT_TRUE(gst_rtp_buffer_get_extension_data(new_map.get(), &profile, nullptr, nullptr));
    const bool must = !fits_one_byte(wanted.id, wanted.data.size());
    if (spec.profile && !(must && *spec.profile == kOneByteProfile)) {
      EXPECT_EQ(profile, *spec.profile) << "converted without need";
    } else {
      EXPECT_EQ(profile, must ? kTwoByteProfile : kOneByteProfile);
    }
    two_byte += profile == kOneByteProfile ? 0 : 1;

    EXPECT_EQ(gst_rtp_buffer_get_seq(new_map.get()), gst_rtp_buffer_get_seq(old_map.get()));
    EXPECT_EQ(gst_rtp_buffer_get_csrc_count(new_map.get()), spec.csrcs);
    EXPECT_EQ(gst_rtp_buffer_get_payload_len(new_map.get()), spec.payload.size());
  }
  EXPECT_GT(two_byte, kRounds / 5);
  EXPECT_LT(two_byte, kRounds * 4 / 5);
}

TEST(Differential, WritesTheBytesThatGStreamerWrites) {
  Draw draw;
  for (int round = 0; round < 1000; ++round) {
    const bool one = draw.below(2) == 0;
    const Wanted wanted{.id = one ? 1 + draw.below(14) : 15 + draw.below(241),
                        .data = draw.bytes(1 + draw.below(one ? 16 : 255))};
    const Wire before = packet({.csrcs = draw.below(16), .payload = draw.bytes(20)});
    auto theirs = to_buffer(before);
    {
      support::RtpMap map{theirs.get(), GST_MAP_READWRITE};
      const auto id = static_cast<guint8>(wanted.id);
      const auto size = static_cast<guint>(wanted.data.size());
      ASSERT_TRUE(
          one ? gst_rtp_buffer_add_extension_onebyte_header(map.get(), id, wanted.data.data(), size)
              : gst_rtp_buffer_add_extension_twobytes_header(map.get(), 0, id, wanted.data.data(), size));
    }
    const support::BufferMap map{theirs.get(), GST_MAP_READ};
    const Wire expected{map.bytes().begin(), map.bytes().end()};
    EXPECT_EQ(rewritten(before, wanted), expected) << round;
  }
}

TEST(Differential, AgreesWithGStreamerOnWhatIsAPacket) {
  Draw draw;
  int sound = 0;
  constexpr int kRounds = 20000;
  for (int round = 0; round < kRounds; ++round) {
    // Mostly version 2, few CSRCs, small extensions: otherwise nearly all of them would be noise.
    Wire wire = draw.bytes(1 + draw.below(60));
    wire[0] = static_cast<std::uint8_t>((draw.below(8) == 0 ? draw.below(4) : 2U) << 6U |
                                        draw.below(4) << 4U | draw.below(3));
    const std::size_t at = 12 + 4 * std::size_t{wire[0] & 0x0FU} + 2;
    if (wire.size() > at + 1) {
      wire[at] = 0;
      wire[at + 1] = static_cast<std::uint8_t>(draw.below(10));
    }
    const auto buffer = to_buffer(wire);
    const bool theirs = support::RtpMap{buffer.get(), GST_MAP_READ}.ok();
    const auto parsed = parse_header(wire, wire.size());
    const bool ours = parsed.value() != nullptr && padding_fits(wire.size(), *parsed.value(), wire.back());
    // We keep away from all that RFC 5761 reserves for RTCP, GStreamer from the types that were in use then.
    // And it reads a padding count out of the header when there is nothing behind it, which we refuse.
    const bool no_count =
        parsed.value() != nullptr && parsed.value()->padding && parsed.value()->payload_offset == wire.size();
    if (parsed.fault() != Fault::kRtcp && !no_count) {
      EXPECT_EQ(ours, theirs) << round;
    }
    sound += ours ? 1 : 0;
  }
  EXPECT_GT(sound, kRounds / 10);
  EXPECT_LT(sound, kRounds * 9 / 10);
}

}  // namespace
}  // namespace auralink::rtphdrext
