// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/aic/core/rtp/feedback.hpp"

#include "gst/aic/core/rtp/wire.hpp"

namespace auralink::aic::rtp {
namespace {

constexpr unsigned kVersion2 = 0x80;
constexpr unsigned kReceiverReport = 201;
constexpr unsigned kApplication = 204;
constexpr std::uint32_t kWord = 4;
constexpr std::uint32_t kFixedWords = 5;  // head, SSRC, name, media SSRC, chain

}  // namespace

void write_app(const Feedback& feedback, std::vector<std::uint8_t>& out) {
  put_u8(out, kVersion2 | static_cast<unsigned>(feedback.kind));
  put_u8(out, kApplication);
  put_u16(out, kFixedWords + feedback.count - 1);
  put_u32(out, feedback.reporter);
  put_u32(out, kAppName);
  put_u32(out, feedback.media);
  put_u8(out, feedback.chain);
  put_u8(out, feedback.count);
  put_u8(out, feedback.held.front().epoch);
  put_u8(out, feedback.held.back().epoch);
  for (unsigned i = 0; i < feedback.count; ++i) put_u32(out, feedback.held.at(i).hash);
}

void write_compound(const Feedback& feedback, std::vector<std::uint8_t>& out) {
  put_u8(out, kVersion2);
  put_u8(out, kReceiverReport);
  put_u16(out, 1);
  put_u32(out, feedback.reporter);
  write_app(feedback, out);
}

std::optional<Feedback> read_app_body(unsigned subtype, std::uint32_t reporter, Bytes body) noexcept {
  if (subtype != static_cast<unsigned>(Feedback::Kind::kAcknowledge) &&
      subtype != static_cast<unsigned>(Feedback::Kind::kResync))
    return std::nullopt;
  Reader reader{body};
  Feedback out;
  out.kind = static_cast<Feedback::Kind>(subtype);
  out.reporter = reporter;
  out.media = reader.u32();
  out.chain = reader.u8();
  out.count = reader.u8();
  out.held.front().epoch = reader.u8();
  out.held.back().epoch = reader.u8();
  if (!reader.ok() || out.count > out.held.size()) return std::nullopt;
  for (unsigned i = 0; i < out.count; ++i) out.held.at(i).hash = reader.u32();
  return reader.ok() ? std::optional{out} : std::nullopt;
}

std::optional<Feedback> read_feedback(Bytes compound) noexcept {
  std::optional<Feedback> found;
  Reader reader{compound};
  while (!reader.rest().empty()) {
    const unsigned first = reader.u8();
    const unsigned type = reader.u8();
    const std::size_t words = reader.u16();
    const Bytes body = reader.take(words * kWord);
    if (!reader.ok() || (first & 0xC0U) != kVersion2) break;
    if (type != kApplication) continue;
    Reader app{body};
    const std::uint32_t reporter = app.u32();
    if (app.u32() != kAppName) continue;
    if (auto feedback = read_app_body(first & 0x1FU, reporter, app.rest())) found = feedback;
  }
  return found;
}

}  // namespace auralink::aic::rtp
