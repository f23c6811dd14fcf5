// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cmath>
#include <limits>

#include "orchestrator/pipeline/finish_ebml.hpp"
#include "orchestrator/pipeline/finish_mkv.hpp"

namespace auralink::pipeline::finish {
namespace {

constexpr std::uint32_t kEbml = 0x1A45DFA3, kSegment = 0x18538067, kInfo = 0x1549A966, kTracks = 0x1654AE6B,
                        kCluster = 0x1F43B675, kCues = 0x1C53BB6B, kSeekHead = 0x114D9B74, kTags = 0x1254C367,
                        kChapters = 0x1043A770, kAttachments = 0x1941A469;
constexpr std::uint32_t kTime = 0xE7, kSimpleBlock = 0xA3, kBlockGroup = 0xA0, kBlock = 0xA1,
                        kBlockDuration = 0x9B, kReference = 0xFB;
constexpr std::uint64_t kLargestTable = std::uint64_t{16} << 20U;
constexpr std::uint64_t kHighestTrack = 126;

/// What ends a cluster whose size is not known.
bool top_level(std::uint32_t id) {
  for (const auto one :
       {kEbml, kSegment, kInfo, kTracks, kCluster, kCues, kSeekHead, kTags, kChapters, kAttachments})
    if (one == id) return true;
  return false;
}

std::string codec_name(std::string_view id) {
  id = id.substr(0, id.find('\0'));  // matroskamux pads some with it
  struct Name {
    std::string_view id, codec;
  };
  static constexpr std::array<Name, 12> kNames{{{"V_MPEG4/ISO/AVC", "h264"},
                                                {"V_MPEGH/ISO/HEVC", "hevc"},
                                                {"V_VP8", "vp8"},
                                                {"V_VP9", "vp9"},
                                                {"V_AV1", "av1"},
                                                {"A_OPUS", "opus"},
                                                {"A_VORBIS", "vorbis"},
                                                {"A_FLAC", "flac"},
                                                {"A_MPEG/L3", "mp3"},
                                                {"A_AC3", "ac3"},
                                                {"A_AAC", "aac"},
                                                {"A_AAC/MPEG4/LC", "aac"}}};
  for (const auto& name : kNames)
    if (name.id == id) return std::string{name.codec};
  return std::string{id};
}

void read_video(View data, Stream& stream) {
  ebml::for_each(data, [&](std::uint32_t id, View value, View) {
    if (id == 0xB0) stream.width = static_cast<unsigned>(ebml::unsigned_of(value));
    if (id == 0xBA) stream.height = static_cast<unsigned>(ebml::unsigned_of(value));
  });
}
void read_audio(View data, Stream& stream) {
  stream.rate = 8000;
  stream.channels = 1;
  ebml::for_each(data, [&](std::uint32_t id, View value, View) {
    if (const double rate = ebml::float_of(value); id == 0xB5 && rate > 0 && rate < 1e7)
      stream.rate = static_cast<unsigned>(std::lround(rate));
    if (id == 0x9F) stream.channels = static_cast<unsigned>(ebml::unsigned_of(value));
  });
}

void read_entry(View data, View whole, MkvFile& file) {
  constexpr std::uint64_t kVideo = 1, kAudio = 2;
  MkvTrack track;
  std::uint64_t type = 0;
  ebml::for_each(data, [&](std::uint32_t id, View value, View) {
    switch (id) {
      case 0xD7:
        track.number = ebml::unsigned_of(value);
        break;
      case 0x83:
        type = ebml::unsigned_of(value);
        break;
      case 0x86:
        track.stream.codec = codec_name({reinterpret_cast<const char*>(value.data()), value.size()});
        break;
      case 0x63A2:
        track.stream.config.assign(value.begin(), value.end());
        break;
      case 0x23E383:
        track.default_duration = ebml::unsigned_of(value);
        break;
      case 0xE0:
        read_video(value, track.stream);
        break;
      case 0xE1:
        read_audio(value, track.stream);
        break;
      case 0x6D80:
        track.plain = false;
        break;
      default:
        break;
    }
  });
  if ((type != kVideo && type != kAudio) || track.number == 0 || track.number > kHighestTrack) return;
  track.stream.video = type == kVideo;
  track.entry.assign(whole.begin(), whole.end());
  file.tracks.push_back(std::move(track));
}

/// RFC 6716, 3.1: how long an Opus packet is.
std::int64_t opus_duration_ns(View packet) {
  if (packet.empty()) return 0;
  const unsigned config = packet[0] >> 3U;
  constexpr std::array<std::int64_t, 4> kSilk{10, 20, 40, 60};
  constexpr std::int64_t kMicro = 1'000, kMilli = 1'000'000;
  const std::int64_t frame = config < 12   ? kSilk[config & 3U] * kMilli
                             : config < 16 ? ((config & 1U) != 0 ? 20 : 10) * kMilli
                                           : (2'500 << (config & 3U)) * kMicro;
  const unsigned code = packet[0] & 3U;
  const unsigned frames = code == 0 ? 1 : code < 3 ? 2 : packet.size() > 1 ? packet[1] & 63U : 0;
  return frame * frames;
}

class Reader {
 public:
  explicit Reader(const ByteSource& source) : source_{source} {}

  Result<MkvFile> read() {
    const auto first = ebml::head(source_, 0);
    if (!first || first->id != kEbml || !load(0, *first)) return fail("it does not begin like Matroska");
    file_.head = buffer_;
    std::uint64_t at = first->length + first->size;
    const auto segment = ebml::head(source_, at);
    if (!segment || segment->id != kSegment) return fail("it ends before its header is complete");
    at += segment->length;
    std::uint64_t end = source_.size();
    if (segment->size != ebml::kUnknown) {
      if (segment->size > end - at) file_.torn = true;
      end = std::min(end, at + std::min(segment->size, end - at));
    }
    elements(at, end);
    if (file_.tracks.empty()) return fail("it ends before its header is complete");
    finish();
    if (file_.clusters.empty()) return fail("it holds no complete picture or sound");
    return std::move(file_);
  }

 private:
  static tl::unexpected<std::string> fail(const char* why) { return tl::unexpected(std::string{why}); }

  /// The whole element into buffer_.
  bool load(std::uint64_t at, const ebml::Head& head) {
    if (head.size > kLargestTable || at + head.length > source_.size() ||
        head.size > source_.size() - at - head.length)
      return false;
    buffer_.resize(static_cast<std::size_t>(head.length + head.size));
    return source_.read(at, buffer_);
  }
  [[nodiscard]] View loaded(const ebml::Head& head) const { return View{buffer_}.subspan(head.length); }

  void elements(std::uint64_t at, std::uint64_t end) {
    while (at < end) {
      const auto head = ebml::head(source_, at);
      if (!head) {
        file_.torn = true;
        return;
      }
      if (head->id == kCluster) {
        const auto body = at + head->length;
        const bool open = head->size == ebml::kUnknown;
        const auto limit = open ? end : body + std::min(head->size, end - std::min(end, body));
        const auto behind = cluster(body, limit, open);
        if (!behind) file_.torn = true;
        if (!behind || (!open && head->size > end - body)) {
          file_.torn = true;
          return;
        }
        at = *behind;
        continue;
      }
      if (head->size == ebml::kUnknown || head->size > end - std::min(end, at + head->length)) {
        file_.torn = true;
        return;
      }
      if (head->id == kInfo && load(at, *head)) info(loaded(*head));
      if (head->id == kTracks && file_.tracks.empty() && load(at, *head))
        ebml::for_each(loaded(*head), [this](std::uint32_t id, View data, View whole) {
          if (id == 0xAE) read_entry(data, whole, file_);
        });
      if (head->id == kCues) file_.cues_found = true;
      at += head->length + head->size;
    }
  }

  void info(View data) {
    double duration = 0;
    ebml::for_each(data, [&](std::uint32_t id, View value, View) {
      if (id == 0x2AD7B1)
        file_.scale =
            static_cast<std::int64_t>(std::clamp<std::uint64_t>(ebml::unsigned_of(value), 1, 1'000'000'000));
      if (id == 0x4489) duration = ebml::float_of(value);
    });
    constexpr double kLongest = 9e18;
    if (const double ns = duration * static_cast<double>(file_.scale); ns > 0 && ns < kLongest)
      file_.said_ns = std::llround(ns);
  }

  /// Where the cluster ended; nullopt when it was cut.
  std::optional<std::uint64_t> cluster(std::uint64_t at, std::uint64_t end, bool open) {
    MkvCluster out{.first = file_.ranges.size()};
    bool cut = false;
    while (at < end) {
      const auto head = ebml::head(source_, at);
      if (head && open && top_level(head->id)) break;
      if (!head || head->size == ebml::kUnknown ||
          head->size > source_.size() - std::min(source_.size(), at + head->length) ||
          at + head->length + head->size > end) {
        cut = true;
        break;
      }
      const auto next = at + head->length + head->size;
      if (head->id == kTime && load(at, *head))
        out.time = static_cast<std::int64_t>(std::min<std::uint64_t>(
            ebml::unsigned_of(loaded(*head)),
            std::numeric_limits<std::int64_t>::max() / 4 / static_cast<std::uint64_t>(file_.scale)));
      if ((head->id == kSimpleBlock || head->id == kBlockGroup) && block(at, *head, out.time)) {
        if (file_.ranges.size() > out.first && file_.ranges.back().offset + file_.ranges.back().length == at)
          file_.ranges.back().length = next - file_.ranges.back().offset;
        else
          file_.ranges.push_back({at, next - at});
      }
      at = next;
    }
    out.count = file_.ranges.size() - out.first;
    if (out.count != 0) file_.clusters.push_back(out);
    return cut ? std::nullopt : std::optional{at};
  }

  /// One block of a known track; its payload begins at `offset`.
  struct Block {
    MkvTrack* track = nullptr;
    std::int64_t time = 0, duration = 0;  ///< in the file's scale; duration 0: not said
    bool key = false, laced = false;
    std::uint64_t offset = 0, size = 0;
  };

  bool block_head(std::uint64_t at, std::uint64_t size, Block& out) {
    std::array<std::uint8_t, 8> bytes{};
    const auto there =
        std::span{bytes}.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), size)));
    if (!source_.read(at, there)) return false;
    const auto number = ebml::number(View{there});
    if (!number || there.size() < number->length + 3U) return false;
    for (auto& track : file_.tracks)
      if (track.number == number->value) out.track = &track;
    if (out.track == nullptr) return false;
    const View rest = View{there}.subspan(number->length);
    out.time += static_cast<std::int16_t>(big<2>(rest));
    out.key = (rest[2] & 0x80U) != 0;
    out.laced = (rest[2] & 0x06U) != 0;
    out.offset = at + number->length + 3;
    out.size = size - number->length - 3;
    return true;
  }

  bool group(std::uint64_t at, std::uint64_t end, Block& out) {
    bool found = false, reference = false;
    while (at < end) {
      const auto head = ebml::head(source_, at);
      if (!head || head->size == ebml::kUnknown || head->size > end - std::min(end, at + head->length)) break;
      if (head->id == kBlock) found = block_head(at + head->length, head->size, out);
      if (head->id == kReference) reference = true;
      if (head->id == kBlockDuration && load(at, *head))
        out.duration = static_cast<std::int64_t>(
            std::min<std::uint64_t>(ebml::unsigned_of(loaded(*head)), 3'600'000'000'000));
      at += head->length + head->size;
    }
    out.key = !reference;
    return found;
  }

  bool block(std::uint64_t at, const ebml::Head& head, std::int64_t cluster_time) {
    Block out;
    out.time = cluster_time;
    const auto body = at + head.length;
    const bool readable =
        head.id == kSimpleBlock ? block_head(body, head.size, out) : group(body, body + head.size, out);
    if (!readable) return false;
    auto& track = *out.track;
    const std::int64_t time_ns = out.time * file_.scale;
    std::int64_t duration = out.duration * file_.scale;
    if (duration == 0 && track.stream.codec == "opus" && !out.laced) {
      std::array<std::uint8_t, 2> front{};
      const auto part =
          std::span{front}.first(static_cast<std::size_t>(std::min<std::uint64_t>(2, out.size)));
      if (source_.read(out.offset, part)) duration = opus_duration_ns(part);
    }
    if (duration == 0)
      duration = static_cast<std::int64_t>(std::min<std::uint64_t>(track.default_duration, 60 * kSecond));
    if (duration == 0 && track.blocks > 0)
      duration = std::clamp<std::int64_t>(time_ns - last_ns_[track.number], 0, kSecond);
    last_ns_[track.number] = time_ns;
    track.until_ns = std::max(track.until_ns, time_ns + duration);
    ++track.blocks;
    entrance(out, time_ns);
    return true;
  }

  void entrance(const Block& block, std::int64_t time_ns) {
    const auto cluster = file_.clusters.size();
    if (block.track->stream.video) {
      if (!block.key) return;
      file_.cues.push_back({cluster, block.time, block.track->number});
      constexpr std::uint64_t kLargest = std::uint64_t{64} << 20U;
      if (!block.laced && block.track->plain && block.size <= kLargest)
        file_.pictures.push_back({time_ns, block.offset, static_cast<std::uint32_t>(block.size)});
      return;
    }
    const bool first = audio_cues_.empty() || audio_cues_.back().cluster != cluster;
    if (first) audio_cues_.push_back({cluster, block.time, block.track->number});
  }

  void finish() {
    std::erase_if(file_.tracks, [](const MkvTrack& track) { return track.blocks == 0; });
    if (file_.cues.empty()) file_.cues = std::move(audio_cues_);
    for (auto& track : file_.tracks) {
      if (!track.stream.video) continue;
      if (track.default_duration != 0)
        track.stream.fps = 1e9 / static_cast<double>(track.default_duration);
      else if (track.until_ns > 0)
        track.stream.fps = static_cast<double>(track.blocks) * 1e9 / static_cast<double>(track.until_ns);
    }
  }

  const ByteSource& source_;
  MkvFile file_;
  Bytes buffer_;
  std::array<std::int64_t, kHighestTrack + 1> last_ns_{};
  std::vector<MkvCue> audio_cues_;
};

}  // namespace

std::int64_t MkvFile::duration_ns() const noexcept {
  std::int64_t until = 0;
  for (const auto& track : tracks) until = std::max(until, track.until_ns);
  return until;
}

Facts MkvFile::facts() const {
  Facts out;
  out.duration_ns = said_ns != 0 && !torn ? said_ns : duration_ns();
  for (const auto& track : tracks) out.streams.push_back(track.stream);
  return out;
}

Result<MkvFile> read_mkv(const ByteSource& source) { return Reader{source}.read(); }

}  // namespace auralink::pipeline::finish
