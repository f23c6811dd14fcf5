// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/rtp_ingress.hpp"

#include "gst/rtphdrext/core/extension.hpp"
#include "gst/rtphdrext/core/rtp_packet.hpp"

namespace auralink::pipeline {
namespace {

using rtphdrext::Bytes;

std::optional<std::uint8_t> level_of(Bytes data) noexcept {
  if (data.size() != 1) return std::nullopt;
  return static_cast<std::uint8_t>(data[0] & 0x7FU);  // the upper bit says that it is voice; we measure that
}

void put32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void put_head(std::vector<std::uint8_t>& out, unsigned count, std::uint8_t type, std::uint8_t words) {
  out.push_back(static_cast<std::uint8_t>(0x80U | count));
  out.push_back(type);
  out.push_back(0);
  out.push_back(words);
}

}  // namespace

RtpArrival read_rtp_arrival(std::span<const std::uint8_t> datagram) noexcept {
  RtpArrival arrival;
  const auto parsed = rtphdrext::parse_header(datagram, datagram.size());
  const auto* header = parsed.value();
  if (header == nullptr) {
    if (parsed.fault() == rtphdrext::Fault::kRtcp) arrival.what = Ingress::rtcp;
    return arrival;
  }
  if (!rtphdrext::padding_fits(datagram.size(), *header, datagram.back())) return arrival;
  arrival.what = Ingress::rtp;
  arrival.payload = datagram[1] & 0x7FU;
  arrival.ssrc = std::uint32_t{datagram[8]} << 24U | std::uint32_t{datagram[9]} << 16U |
                 std::uint32_t{datagram[10]} << 8U | datagram[11];
  arrival.payload_bytes =
      datagram.size() - header->payload_offset - (header->padding ? std::size_t{datagram.back()} : 0);
  return arrival;
}

std::optional<std::uint8_t> read_audio_level(std::span<const std::uint8_t> datagram,
                                             std::uint8_t id) noexcept {
  const auto parsed = rtphdrext::parse_header(datagram, datagram.size());
  const auto* header = parsed.value();
  if (header == nullptr || !header->extension) return std::nullopt;
  const Bytes extension = datagram.subspan(header->extension_offset(), header->extension_bytes);
  const auto form = rtphdrext::form_of(header->profile);
  if (!form) return std::nullopt;
  rtphdrext::ElementReader reader{*form, extension};
  while (const auto item = reader.next())
    if (item->id == id) return level_of(item->data);
  return std::nullopt;
}

std::vector<std::uint8_t> make_picture_loss(std::uint32_t own, std::uint32_t media) {
  constexpr std::uint8_t kReceiverReport = 201, kSourceDescription = 202, kPayloadFeedback = 206;
  std::vector<std::uint8_t> out;
  put_head(out, 0, kReceiverReport, 1);
  put32(out, own);
  put_head(out, 1, kSourceDescription, 4);
  put32(out, own);
  // CNAME "auralink": type, length, text, and zeros up to the next word that end the list.
  for (const char c : {'\x01', '\x08', 'a', 'u', 'r', 'a', 'l', 'i', 'n', 'k', '\0', '\0'})
    out.push_back(static_cast<std::uint8_t>(c));
  put_head(out, 1, kPayloadFeedback, 2);
  put32(out, own);
  put32(out, media);
  return out;
}

}  // namespace auralink::pipeline
