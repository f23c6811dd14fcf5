// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as what a killed worker left: readers answer, and what is made of what they found can be read
// again, whole, with every sample.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "orchestrator/pipeline/finish_mkv.hpp"
#include "orchestrator/pipeline/finish_mp4.hpp"
#include "orchestrator/pipeline/finish_ogg.hpp"
#include "orchestrator/pipeline/finish_playlist.hpp"
#include "tests/fuzz/finish_memory.hpp"

namespace {

using namespace auralink::pipeline::finish;

void require(bool fact) {
  if (!fact) std::abort();
}

std::size_t count(const Mp4File& file) {
  std::size_t sum = 0;
  for (const auto& track : file.tracks) sum += track.samples.size();
  return sum;
}
std::uint64_t count(const MkvFile& file) {
  std::uint64_t sum = 0;
  for (const auto& range : file.ranges) sum += range.length;
  return sum;
}
std::size_t count(const OggFile& file) { return file.pages.size(); }

bool whole(const Mp4File& file) { return !file.fragmented && !file.torn; }
bool whole(const MkvFile& file) { return !file.torn; }
bool whole(const OggFile& file) { return !file.torn && file.ended; }

template <class Read, class Write>
void try_as(const Memory& source, Read read, Write write) {
  const auto file = read(source);
  if (!file) return require(!file.error().empty());
  Memory out;
  if (const auto facts = write(source, *file, out); !facts) return require(!facts.error().empty());
  const auto again = read(out);
  require(again.has_value());
  require(whole(*again));
  require(count(*again) == count(*file));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Memory source{Bytes{data, data + size}};
  try_as(source, read_mp4, [](const Memory& from, const Mp4File& file, Memory& out) {
    const Mp4Piece piece{&from, &file};
    return write_mp4({&piece, 1}, out);
  });
  if (auto segment = read_mp4(source)) {
    const auto begin = pictures_begin(*segment);
    const auto samples = count(*segment);
    settle_segment(*segment, begin.value_or(0),
                   begin.value_or(0) + static_cast<std::int64_t>(size) * 1'000'000);
    require(count(*segment) <= samples && !tables_of(*segment).empty());
  }
  try_as(source, read_mkv, [](const Memory& from, const MkvFile& file, Memory& out) {
    const MkvPiece piece{&from, &file};
    return write_mkv({&piece, 1}, out);
  });
  try_as(source, read_ogg, [](const Memory& from, const OggFile& file, Memory& out) {
    const OggPiece piece{&from, &file};
    return write_ogg({&piece, 1}, out);
  });
  for (const auto& [name, entry] : parse_playlist({reinterpret_cast<const char*>(data), size}))
    require(!name.empty() && entry.duration_ns > 0);
  return 0;
}
