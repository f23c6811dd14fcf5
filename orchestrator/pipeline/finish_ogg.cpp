// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/finish_ogg.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace auralink::pipeline::finish {
namespace {

constexpr std::size_t kHead = 27;
constexpr std::uint8_t kContinued = 1, kFirst = 2, kLast = 4;
constexpr std::int64_t kRate = 48'000;
constexpr std::size_t kAtFlags = 5, kAtGranule = 6, kAtSerial = 14, kAtNumber = 18, kAtSum = 22,
                      kAtSegments = 26;

template <unsigned N>
std::uint64_t little(View at) {
  std::uint64_t value = 0;
  for (unsigned i = N; i-- > 0;) value = value << 8U | at[i];
  return value;
}
template <unsigned N>
void put_little(std::span<std::uint8_t> at, std::uint64_t value) {
  for (unsigned i = 0; i < N; ++i) at[i] = static_cast<std::uint8_t>(value >> 8U * i);
}

constexpr std::array<std::uint32_t, 256> make_sums() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t sum = i << 24U;
    for (int bit = 0; bit < 8; ++bit) sum = (sum & 0x80000000U) != 0 ? sum << 1U ^ 0x04C11DB7U : sum << 1U;
    table[i] = sum;
  }
  return table;
}
constexpr auto kSums = make_sums();

/// Of a page whose own sum is zero.
std::uint32_t sum_of(View page) {
  std::uint32_t sum = 0;
  for (const auto byte : page) sum = sum << 8U ^ kSums[(sum >> 24U ^ byte) & 0xFFU];
  return sum;
}

/// The whole page at `at`; empty when it is not there or not whole.
Bytes page_at(const ByteSource& source, std::uint64_t at) {
  std::array<std::uint8_t, kHead> head{};
  if (!source.read(at, head) || std::memcmp(head.data(), "OggS", 5) != 0) return {};
  Bytes page(kHead + head[kAtSegments]);
  if (!source.read(at, page)) return {};
  std::size_t body = 0;
  for (const auto lacing : View{page}.subspan(kHead)) body += lacing;
  page.resize(page.size() + body);
  if (!source.read(at, page)) return {};
  const auto sum = little<4>(View{page}.subspan(kAtSum));
  Bytes blank = page;
  put_little<4>(std::span{blank}.subspan(kAtSum), 0);
  if (sum_of(blank) != sum) return {};
  return page;
}

/// "OpusHead" of the first page.
bool read_head(View page, OggFile& file) {
  const View packet = page.subspan(kHead + page[kAtSegments]);
  constexpr std::size_t kLeast = 19;
  if (packet.size() < kLeast || std::memcmp(packet.data(), "OpusHead", 8) != 0) return false;
  file.stream.codec = "opus";
  file.stream.channels = packet[9];
  file.stream.rate = static_cast<unsigned>(kRate);
  file.stream.config.assign(packet.begin(), packet.end());
  return true;
}

/// Packets that end in this page.
unsigned packets_ending(View page) {
  unsigned count = 0;
  for (const auto lacing : page.subspan(kHead, page[kAtSegments])) count += lacing < 255 ? 1 : 0;
  return count;
}

}  // namespace

std::int64_t OggFile::duration_ns() const noexcept { return rescale(last_granule, kSecond, kRate); }
Facts OggFile::facts() const { return {duration_ns(), {stream}}; }

Result<OggFile> read_ogg(const ByteSource& source) {
  OggFile file;
  std::optional<std::uint64_t> serial;
  unsigned headers = 0;
  for (std::uint64_t at = 0; at < source.size();) {
    const Bytes page = page_at(source, at);
    if (page.empty()) {
      file.torn = true;
      break;
    }
    const View view{page};
    const auto whose = little<4>(view.subspan(kAtSerial));
    if (!serial) {
      serial = whose;
      if ((view[kAtFlags] & kFirst) == 0 || !read_head(view, file))
        return tl::unexpected(std::string{"it is not Opus in Ogg"});
    }
    if (whose == *serial) {
      OggPage entry{at, static_cast<std::uint32_t>(page.size()),
                    static_cast<std::int64_t>(little<8>(view.subspan(kAtGranule)))};
      constexpr std::int64_t kMost = std::int64_t{1} << 50U;
      if (entry.granule < 0 || entry.granule > kMost) entry.granule = -1;
      file.pages.push_back(entry);
      if (headers < 2) {
        headers += packets_ending(view);
        file.heads = file.pages.size();
      } else if (entry.granule > 0) {
        file.last_granule = std::max(file.last_granule, entry.granule);
      }
      file.ended = (view[kAtFlags] & kLast) != 0;
    }
    at += page.size();
    if (file.ended) break;
  }
  if (headers < 2) return tl::unexpected(std::string{"it ends before its header is complete"});
  if (file.last_granule == 0) return tl::unexpected(std::string{"it holds no complete sound"});
  return file;
}

bool joinable(std::span<const OggPiece> pieces) {
  return std::all_of(pieces.begin(), pieces.end(), [&](const OggPiece& piece) {
    return piece.file->stream.joins(pieces.front().file->stream);
  });
}

Result<Facts> write_ogg(std::span<const OggPiece> pieces, ByteSink& sink) {
  std::uint32_t number = 0;
  std::uint64_t serial = 0;
  std::int64_t base = 0;
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    const auto& file = *pieces[p].file;
    for (std::size_t i = p == 0 ? 0 : file.heads; i < file.pages.size(); ++i) {
      Bytes page(file.pages[i].length);
      if (!pieces[p].source->read(file.pages[i].offset, page))
        return tl::unexpected(std::string{"a piece cannot be read"});
      const std::span out{page};
      if (number == 0) serial = little<4>(out.subspan(kAtSerial));
      const bool last = p + 1 == pieces.size() && i + 1 == file.pages.size();
      out[kAtFlags] = static_cast<std::uint8_t>((out[kAtFlags] & kContinued) | (number == 0 ? kFirst : 0) |
                                                (last ? kLast : 0));
      if (i >= file.heads && file.pages[i].granule >= 0)
        put_little<8>(out.subspan(kAtGranule), static_cast<std::uint64_t>(base + file.pages[i].granule));
      put_little<4>(out.subspan(kAtSerial), serial);
      put_little<4>(out.subspan(kAtNumber), number++);
      put_little<4>(out.subspan(kAtSum), 0);
      put_little<4>(out.subspan(kAtSum), sum_of(out));
      if (auto written = sink.write(out); !written) return tl::unexpected(written.error());
    }
    base += file.last_granule;
  }
  Facts facts;
  const auto& first = *pieces.front().file;
  facts.duration_ns = rescale(base, kSecond, kRate);
  facts.streams.push_back(first.stream);
  return facts;
}

}  // namespace auralink::pipeline::finish
