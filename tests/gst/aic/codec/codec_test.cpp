// SPDX-License-Identifier: LGPL-2.1-or-later
// Access units there and back. The pictures are random ones that no encoder would make: whatever is legal
// must come back, in every profile; how much is saved on real ones is measured elsewhere.
#include "gst/aic/core/codec.hpp"

#include <gtest/gtest.h>

#include "tests/gst/aic/h264/random_picture.hpp"

namespace auralink::aic {
namespace {

using h264::Refusal;
using h264::test::Format;
using h264::test::RandomPicture;

const Limits kSmall{.max_access_unit = 1U << 20U, .max_macroblocks = 100, .table_bits = 12};

/// A stream of random pictures of a format.
class Stream final {
 public:
  explicit Stream(unsigned seed, Format format = {})
      : random_{seed}, format_{format}, sets_{h264::test::sets_of(format)} {}
  AccessUnit next(bool key) {
    AccessUnit unit;
    if (key) {
      unit.add(h264::test::sps(format_));
      unit.add(h264::test::pps(format_));
    }
    unit.add(std::vector<std::uint8_t>{0x06, 5, 2, 7, 9, 0x80});  // an SEI message
    const int size = static_cast<int>(format_.width * format_.height);
    const int slices = 1 + random_.below(3);
    for (int i = 0; i < slices; ++i)
      unit.add(
          random_.slice(format_, sets_, map_, size * i / slices, size * (i + 1) / slices, i, !key, frame_));
    ++frame_;
    return unit;
  }

 private:
  RandomPicture random_;
  Format format_;
  h264::ParameterSets sets_;
  h264::MacroblockMap map_;
  std::uint32_t frame_ = 0;
};

struct Ends {
  State near{kSmall};
  State far{kSmall};
  std::vector<std::uint8_t> coded{};
  AccessUnit restored{};

  void carry(Profile profile, const AccessUnit& unit) {
    ASSERT_EQ(encode(near, profile, unit, coded).refusal, Refusal::kNone);
    ASSERT_EQ(decode(far, profile, coded, restored), Decoded::kOk);
    ASSERT_TRUE(restored == unit);
    ASSERT_EQ(near.hash(), far.hash());
  }
};

TEST(Codec, EveryProfileRestoresEveryByteAlsoInTurns) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    Format format;
    format.references = 1 + seed % 3;
    format.constrained_intra = seed % 2 != 0;
    Stream stream{seed, format};
    Ends ends;
    for (int i = 0; i < 12; ++i) {
      const auto profile =
          seed < 3 ? static_cast<Profile>(seed) : static_cast<Profile>((static_cast<unsigned>(i) + seed) % 3);
      ASSERT_NO_FATAL_FAILURE(ends.carry(profile, stream.next(i % 5 == 0)))
          << "seed " << seed << " unit " << i;
    }
  }
}

TEST(Codec, AnotherSizeInTheMiddleIsFollowed) {
  Ends ends;
  Stream small{1, {.width = 3, .height = 2}};
  Stream large{2, {.width = 9, .height = 7}};
  for (Stream* stream : {&small, &large, &small}) {
    ends.carry(Profile::kMax, stream->next(true));
    ends.carry(Profile::kMax, stream->next(false));
  }
}

TEST(Codec, ASnapshotHasTheFutureOfTheOriginal) {
  Stream stream{4};
  Ends ends;
  for (int i = 0; i < 4; ++i) ends.carry(Profile::kMax, stream.next(i == 0));
  const State near = ends.near;
  State far{kSmall};
  far = ends.far;
  const AccessUnit unit = stream.next(false);
  ends.carry(Profile::kMax, unit);
  const auto coded = ends.coded;
  for (int i = 0; i < 3; ++i) ends.carry(Profile::kLite, stream.next(false));
  ends.near = near;
  ends.far = far;
  ends.carry(Profile::kMax, unit);
  EXPECT_EQ(ends.coded, coded) << "a restored state codes as the original did";
}

TEST(Codec, ResetIsTheBeginning) {
  Stream stream{5};
  Ends ends;
  const AccessUnit first = stream.next(true);
  ends.carry(Profile::kMax, first);
  const auto coded = ends.coded;
  ends.carry(Profile::kMax, stream.next(false));
  ends.near.reset();
  ends.far.reset();
  ends.carry(Profile::kMax, first);
  EXPECT_EQ(ends.coded, coded);
}

TEST(Codec, ARefusalChangesNothing) {
  Stream stream{6};
  Ends ends;
  ends.carry(Profile::kMax, stream.next(true));
  const std::uint32_t hash = ends.near.hash();
  AccessUnit broken = stream.next(false);
  broken.bytes.back() ^= 0x55U;
  std::vector<std::uint8_t> out;
  EXPECT_NE(encode(ends.near, Profile::kMax, broken, out).refusal, Refusal::kNone);
  EXPECT_TRUE(out.empty());
  AccessUnit no_slice;
  no_slice.add(std::vector<std::uint8_t>{0x09, 0x10});
  EXPECT_EQ(encode(ends.near, Profile::kMax, no_slice, out).refusal, Refusal::kNoSlice);
  Stream huge{7, {.width = 20, .height = 20}};
  EXPECT_EQ(encode(ends.near, Profile::kMax, huge.next(true), out).refusal, Refusal::kTooLarge);
  EXPECT_EQ(ends.near.hash(), hash);
  ends.carry(Profile::kMax, stream.next(false));
}

TEST(Codec, ParameterSetsThatWentByNativelyTravelAlong) {
  Stream stream{8};
  Ends ends;
  const AccessUnit key = stream.next(true);
  std::vector<std::uint8_t> out;
  const AccessUnit later = stream.next(false);
  EXPECT_EQ(encode(ends.near, Profile::kFast, later, out).refusal, Refusal::kUnknownParameters);
  note_native(ends.near, key);
  note_native(ends.near, key);
  ends.carry(Profile::kFast, later);
  ends.carry(Profile::kMax, stream.next(false));
}

TEST(Codec, APictureThatIsMissingSlicesIsCodedAlike) {
  Stream stream{9};
  Ends ends;
  ends.carry(Profile::kMax, stream.next(true));
  for (int i = 0; i < 8; ++i) {
    const AccessUnit whole = stream.next(false);
    AccessUnit part;
    part.add(whole.nal(whole.count() - 1));  // only the last slice
    ends.carry(Profile::kMax, part);
    State copy = ends.near;  // what a picture leaves out must not depend on what was there before
    ends.near = copy;
  }
}

TEST(Codec, HostileBytesEndAndTakeNoMoreThanTheirBound) {
  Stream stream{10};
  Ends ends;
  ends.carry(Profile::kMax, stream.next(true));
  ASSERT_EQ(encode(ends.near, Profile::kMax, stream.next(false), ends.coded).refusal, Refusal::kNone);
  RandomPicture random{11};
  int corrupt = 0;
  for (int round = 0; round < 150; ++round) {
    State victim = ends.far;
    auto bytes = ends.coded;
    if (round % 3 == 0) bytes.resize(static_cast<std::size_t>(random.below(static_cast<int>(bytes.size()))));
    for (int i = 0; i < 4 && !bytes.empty(); ++i)
      bytes[static_cast<std::size_t>(random.below(static_cast<int>(bytes.size())))] =
          static_cast<std::uint8_t>(random.below(256));
    AccessUnit out;
    if (decode(victim, static_cast<Profile>(round % 3), bytes, out) == Decoded::kCorrupt) ++corrupt;
    EXPECT_LE(out.bytes.size(), kSmall.max_access_unit + (1U << 18U));
  }
  EXPECT_GT(corrupt, 20);
}

TEST(Codec, MemoryIsWhatTheReadmeSays) {
  State state{Limits{}};
  EXPECT_LT(state.memory(), 4U << 20U) << "before a picture is known";
}

}  // namespace
}  // namespace auralink::aic
