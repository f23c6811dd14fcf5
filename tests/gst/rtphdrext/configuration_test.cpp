// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/rtphdrext/core/configuration.hpp"

#include <gtest/gtest.h>

#include <set>

namespace auralink::rtphdrext {
namespace {

unsigned bit(Kind kind) { return 1U << index_of(kind); }

Assignment usable(const Configuration& c, const StreamFacts& s = {}) {
  auto result = assign(c, s);
  if (const auto* complaint = std::get_if<Complaint>(&result))
    ADD_FAILURE() << complaint->property << ": " << complaint->reason;
  return std::holds_alternative<Assignment>(result) ? std::get<Assignment>(result) : Assignment{};
}
/// The property that is complained about; empty when the configuration is usable.
std::string blamed(const Configuration& c, const StreamFacts& s = {}) {
  const auto result = assign(c, s);
  const auto* complaint = std::get_if<Complaint>(&result);
  if (complaint == nullptr) return "";
  EXPECT_FALSE(complaint->reason.empty());
  return complaint->property;
}

TEST(Kinds, AreTheirOwnIndexAndHaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    EXPECT_EQ(index_of(kKinds[i].kind), i);
    names.insert(kKinds[i].nick);
    names.insert(kKinds[i].uri);
  }
  EXPECT_EQ(names.size(), 2 * kKinds.size());
}

TEST(Configuration, IsIdleByDefault) {
  EXPECT_TRUE(usable({}).idle());
  EXPECT_FALSE(usable({.data = "01"}).idle());
  EXPECT_FALSE(usable({.remove = {3}}).idle());
  EXPECT_FALSE(usable({.abs_send_time_id = 3}).idle());
}

TEST(Configuration, DeclaresWhatItWrites) {
  const auto a = usable({.id = 20, .data = "01", .uri = "urn:x", .abs_send_time_id = 3});
  EXPECT_EQ(a.declares, (std::map<unsigned, std::string>{{3, std::string{name_of(Kind::kAbsSendTime).uri}},
                                                         {20, "urn:x"}}));
}

TEST(Configuration, DeclaresNothingForBytesWithoutAMeaning) {
  EXPECT_TRUE(usable({.id = 3, .data = "01"}).declares.empty());
}

TEST(Configuration, TakesIdsFromTheCaps) {
  const StreamFacts stream{.extmap = {{7, std::string{name_of(Kind::kAbsSendTime).uri}}}};
  const Configuration c{.negotiated = bit(Kind::kAbsSendTime) | bit(Kind::kFrameInfo)};
  EXPECT_EQ(usable(c, stream).id(Kind::kAbsSendTime), 7);
  EXPECT_EQ(usable(c, stream).id(Kind::kFrameInfo), 0) << "the caps do not know it";
  EXPECT_TRUE(usable(c).idle());
}

TEST(Configuration, PrefersAnIdOfItsOwn) {
  const StreamFacts stream{.extmap = {{7, std::string{name_of(Kind::kAbsSendTime).uri}}}};
  const Configuration c{.negotiated = bit(Kind::kAbsSendTime), .abs_send_time_id = 9};
  EXPECT_EQ(usable(c, stream).id(Kind::kAbsSendTime), 9);
}

TEST(Configuration, RefusesAnIdThatTheCapsGiveToSomethingElse) {
  const StreamFacts stream{.extmap = {{3, "urn:other"}}};
  EXPECT_EQ(blamed({.abs_send_time_id = 3}, stream), "abs-send-time-id");
  EXPECT_EQ(blamed({.id = 3, .data = "01", .uri = "urn:mine"}, stream), "id");
  EXPECT_EQ(blamed({.id = 3, .data = "01"}, stream), "") << "bytes without a meaning may replace any element";
}

TEST(Configuration, RefusesOneIdForTwo) {
  EXPECT_EQ(blamed({.abs_send_time_id = 3, .frame_info_id = 3}), "frame-info-id");
  EXPECT_EQ(blamed({.id = 3, .data = "01", .abs_send_time_id = 3}), "abs-send-time-id");
  EXPECT_EQ(blamed({.id = 3, .abs_send_time_id = 3}), "") << "without data the id is not used";
  EXPECT_EQ(blamed({.remove = {3}, .abs_send_time_id = 3}), "remove");
}

TEST(Configuration, NamesThePropertyThatIsWrong) {
  EXPECT_EQ(blamed({.data = "0"}), "data");
  EXPECT_EQ(blamed({.id = 0, .data = "00"}), "data");
  EXPECT_EQ(blamed({.mid_id = 4}), "mid");
  EXPECT_EQ(blamed({.mid_id = 4, .mid = std::string(256, 'a')}), "mid");
  EXPECT_EQ(blamed({.abs_send_time_id = 256}), "abs-send-time-id");
  EXPECT_EQ(blamed({.remove = {0}}), "remove");
  EXPECT_EQ(blamed({.remove = {256}}), "remove");
}

TEST(Configuration, HoldsWhatPacketsWithoutKnowledgeGet) {
  const auto a = usable({.audio_level = 30,
                         .voice = true,
                         .aic_mode = AicMode::kConservative,
                         .aic_saved = 24,
                         .aic_ssim_loss = 3,
                         .aic_epoch = 9});
  EXPECT_EQ(a.level, (AudioLevel{.voice = true, .dbov = 30}));
  EXPECT_EQ(a.aic, (AicMetadata{.mode = AicMode::kConservative, .saved = 24, .ssim_loss = 3, .epoch = 9}));
  EXPECT_EQ(usable({}).level, std::nullopt);
}

}  // namespace
}  // namespace auralink::rtphdrext
