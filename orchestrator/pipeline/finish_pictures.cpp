// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/finish_pictures.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include "orchestrator/pipeline/finish_mkv.hpp"
#include "orchestrator/pipeline/finish_mp4.hpp"
#include "orchestrator/pipeline/finish_stills.hpp"

namespace auralink::pipeline::finish {
namespace {

namespace fs = std::filesystem;
using session::Artifact;

constexpr unsigned kTileWidth = 160, kColumns = 10, kTiles = 100;
constexpr std::size_t kMostPictures = 5000;
/// Video black is 16; noise and a clock in a corner do not make a picture.
constexpr unsigned kDarkest = 24;
constexpr std::size_t kFirstCandidates = 6;
/// WebVTT: a cue ends after it begins, also where the container claims to end with the last keyframe.
constexpr std::int64_t kShortestCue = 1'000'000;

/// A delivered file that has pictures. Its own clock begins at `base_ns` of the recording.
struct Source {
  std::shared_ptr<FileSource> init = {};  ///< of HLS: what stands before the file
  std::shared_ptr<FileSource> file = {};
  Stream stream = {};
  std::vector<KeyPicture> pictures = {};
};
struct Pick {
  std::size_t source = 0, picture = 0;
  std::int64_t at_ns = 0;
  std::size_t slot = 0;  ///< which thumbnail; several may be tried for the first
};

class Joined final : public ByteSource {
 public:
  explicit Joined(const Source& source) : source_{source} {}
  [[nodiscard]] std::uint64_t size() const override { return front() + source_.file->size(); }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    const auto first = offset < front()
                           ? static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), front() - offset))
                           : 0;
    if (first > 0 && !source_.init->read(offset, out.first(first))) return false;
    return first == out.size() || source_.file->read(offset + first - front(), out.subspan(first));
  }

 private:
  [[nodiscard]] std::uint64_t front() const { return source_.init ? source_.init->size() : 0; }
  const Source& source_;
};

struct Read {
  Facts facts = {};
  std::int64_t begin_ns = 0;  ///< of its own clock
};

std::optional<Read> read_pictures(const std::string& container, Source& source) {
  const Joined bytes{source};
  const auto video = [&](const Facts& facts) {
    const auto at =
        std::find_if(facts.streams.begin(), facts.streams.end(), [](const Stream& s) { return s.video; });
    if (at != facts.streams.end()) source.stream = *at;
  };
  if (container == "mkv" || container == "webm") {
    auto file = read_mkv(bytes);
    if (!file) return std::nullopt;
    source.pictures = std::move(file->pictures);
    video(file->facts());
    return Read{file->facts(), 0};
  }
  auto file = read_mp4(bytes);
  if (!file) return std::nullopt;
  source.pictures = key_pictures(*file);
  video(file->facts());
  Read out{file->facts(), 0};
  if (source.init && !source.pictures.empty()) {
    out.begin_ns = source.pictures.front().at_ns;
    for (const auto& track : file->tracks)
      if (track.stream.video) out.facts.duration_ns = rescale(track.duration(), kSecond, track.timescale);
  }
  return out;
}

std::vector<Source> open_sources(const session::FinishOrder& order, const Finished& finished) {
  std::vector<Source> out;
  std::shared_ptr<FileSource> init;
  std::int64_t base = 0;
  for (const auto& path : finished.media) {
    auto file = FileSource::open(path);
    if (!file) continue;
    auto shared = std::make_shared<FileSource>(std::move(*file));
    if (order.container == "hls" && path.extension() == ".mp4") {
      init = std::move(shared);
      continue;
    }
    if (path.extension() == ".m3u8") continue;
    Source source{.init = init, .file = std::move(shared)};
    const auto read = read_pictures(order.container, source);
    if (!read) continue;
    for (auto& picture : source.pictures) picture.at_ns += base - read->begin_ns;
    base += read->facts.duration_ns;
    if (!source.pictures.empty()) out.push_back(std::move(source));
  }
  return out;
}

/// For every step of the interval the last keyframe before it; for the beginning some to choose from.
std::vector<Pick> choose(const std::vector<Source>& sources, std::int64_t interval) {
  std::vector<Pick> all, out;
  for (std::size_t s = 0; s < sources.size(); ++s)
    for (std::size_t p = 0; p < sources[s].pictures.size(); ++p)
      all.push_back({s, p, std::max<std::int64_t>(0, sources[s].pictures[p].at_ns), 0});
  if (all.empty()) return out;
  const std::int64_t length = all.back().at_ns;
  interval = std::max<std::int64_t>({interval, 1, length / static_cast<std::int64_t>(kMostPictures)});
  for (std::size_t i = 0; i < all.size() && i < kFirstCandidates && (i == 0 || all[i].at_ns < interval); ++i)
    out.push_back(all[i]);
  const std::size_t candidates = out.size();
  std::size_t slot = 0, at = 0;
  for (std::int64_t due = interval; due <= length; due += interval) {
    while (at + 1 < all.size() && all[at + 1].at_ns <= due) ++at;
    // Keyframes further apart than the interval: the same picture is not shown twice.
    if (at < candidates || (out.size() > candidates && out.back().at_ns == all[at].at_ns)) continue;
    all[at].slot = ++slot;
    out.push_back(all[at]);
  }
  return out;
}

std::string time_of(std::int64_t ns) {
  const auto ms = ns / 1'000'000;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%02lld:%02lld:%02lld.%03lld",
                static_cast<long long>(ms / 3'600'000), static_cast<long long>(ms / 60'000 % 60),
                static_cast<long long>(ms / 1000 % 60), static_cast<long long>(ms % 1000));
  return text.data();
}

/// Where pictures go and what they are called.
class Names {
 public:
  explicit Names(const session::FinishOrder& order)
      : folder_{is_folder(order.container) ? fs::path{order.path} : fs::path{order.path}.parent_path()},
        stem_{is_folder(order.container) ? "" : fs::path{order.path}.stem().string() + "."} {}
  [[nodiscard]] fs::path thumbnail(std::size_t number) const { return numbered("thumb-%05zu.jpg", number); }
  [[nodiscard]] fs::path sprite(std::size_t number) const { return numbered("sprite-%03zu.jpg", number); }
  [[nodiscard]] fs::path track() const { return folder_ / (stem_ + "thumbnails.vtt"); }

 private:
  [[nodiscard]] fs::path numbered(const char* form, std::size_t number) const {
    std::array<char, 48> text{};
    // NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): one of the two above
    std::snprintf(text.data(), text.size(), form, number);
    return folder_ / (stem_ + text.data());
  }
  fs::path folder_;
  std::string stem_;
};

class Drawing {
 public:
  Drawing(const session::FinishOrder& order, std::int64_t duration_ns, std::vector<Source> sources,
          std::vector<Pick> picks)
      : names_{order}, duration_ns_{duration_ns}, sources_{std::move(sources)}, picks_{std::move(picks)} {
    const auto& stream = sources_.front().stream;
    thumbnail_ = thumbnail_size(stream);
    if (thumbnail_.width != 0)
      tile_ = {kTileWidth, std::max(2U, (thumbnail_.height * kTileWidth / thumbnail_.width) & ~1U)};
    tiles_ = picks_.back().slot + 1;
  }

  Result<std::vector<Artifact>> draw(const OnProgress& progress) {
    if (thumbnail_.width == 0) return tl::unexpected(std::string{"the pictures have no size"});
    for (std::size_t i = 0; i < picks_.size();) {
      const auto& stream = sources_[picks_[i].source].stream;
      auto decoder = StillDecoder::create(stream, thumbnail_, [this](std::size_t number, GstSample* picture) {
        if (number < picks_.size()) take(picks_[number], picture);
      });
      if (!decoder) return tl::unexpected(decoder.error());
      // Where another codec or size begins, another decoder does.
      for (; i < picks_.size() && sources_[picks_[i].source].stream.joins(stream); ++i) {
        auto data = coded(picks_[i]);
        if (!data) return tl::unexpected(data.error());
        if (auto decoded = (*decoder)->decode(i, std::move(*data)); !decoded)
          return tl::unexpected(decoded.error());
        if (progress && !progress(static_cast<double>(i) / static_cast<double>(picks_.size())))
          return tl::unexpected(std::string{"cancelled"});
        if (!error_.empty()) return tl::unexpected(error_);
      }
      if (auto drained = (*decoder)->drain(); !drained) return tl::unexpected(drained.error());
    }
    settle_first();
    end_sheet();
    write_track();
    if (!error_.empty()) return tl::unexpected(error_);
    return std::move(artifacts_);
  }

 private:
  Result<Bytes> coded(const Pick& pick) const {
    const auto& picture = sources_[pick.source].pictures[pick.picture];
    Bytes data(picture.size);
    if (!Joined{sources_[pick.source]}.read(picture.offset, data))
      return tl::unexpected(std::string{"a picture cannot be read"});
    return data;
  }

  void take(const Pick& pick, GstSample* picture) {
    if (pick.slot != 0) {
      settle_first();
      return keep(pick.at_ns, picture);
    }
    if (first_done_) return;
    const bool seen = brightness(picture) >= kDarkest;
    if (!first_ || seen) {
      first_ = support::share_mini(picture);
    }
    if (seen) settle_first();
  }
  void settle_first() {
    if (std::exchange(first_done_, true) || !first_) return;
    // Whatever moment it shows: it stands for the beginning.
    keep(0, first_.get());
    first_.reset();
  }

  void keep(std::int64_t at_ns, GstSample* picture) {
    const auto index = cues_.size();
    if (auto jpeg = to_jpeg(picture); jpeg)
      store("thumbnail", names_.thumbnail(index + 1), *jpeg);
    else
      error_ = jpeg.error();
    const auto place = static_cast<unsigned>(index % kTiles);
    if (place == 0) {
      end_sheet();
      const auto left =
          static_cast<unsigned>(std::min<std::size_t>(kTiles, tiles_ - std::min(tiles_, index)));
      const unsigned columns = std::clamp(left, 1U, kColumns);
      sheet_.emplace(tile_, columns, std::max(1U, (left + columns - 1) / columns));
      columns_ = columns;
      ++sheets_;
    }
    sheet_->put(place, picture);
    std::array<char, 48> xywh{};
    std::snprintf(xywh.data(), xywh.size(), "#xywh=%u,%u,%u,%u", place % columns_ * tile_.width,
                  place / columns_ * tile_.height, tile_.width, tile_.height);
    cues_.emplace_back(at_ns, names_.sprite(sheets_).filename().string() + xywh.data());
  }

  void end_sheet() {
    if (!sheet_) return;
    if (auto jpeg = sheet_->to_jpeg(); jpeg)
      store("sprite", names_.sprite(sheets_), *jpeg);
    else
      error_ = jpeg.error();
    sheet_.reset();
  }

  void write_track() {
    std::string text = "WEBVTT\n";
    for (std::size_t i = 0; i < cues_.size(); ++i) {
      const auto until =
          i + 1 < cues_.size() ? cues_[i + 1].first : std::max(duration_ns_, cues_[i].first + kShortestCue);
      text += "\n" + time_of(cues_[i].first) + " --> " + time_of(until) + "\n" + cues_[i].second + "\n";
    }
    store("vtt", names_.track(), View{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }

  void store(const char* kind, const fs::path& path, View bytes) {
    auto file = NewFile::create(path);
    if (!file) return void(error_ = file.error());
    if (auto written = (*file)->write(bytes); !written) return void(error_ = written.error());
    if (auto named = (*file)->commit(); !named) return void(error_ = named.error());
    artifacts_.push_back({kind, path.string(), bytes.size()});
  }

  Names names_;
  std::int64_t duration_ns_;
  std::vector<Source> sources_;
  std::vector<Pick> picks_;
  StillSize thumbnail_{}, tile_{};
  std::size_t tiles_ = 0, sheets_ = 0;
  unsigned columns_ = 1;
  std::optional<Sheet> sheet_;
  support::Owned<GstSample> first_;
  bool first_done_ = false;
  std::vector<std::pair<std::int64_t, std::string>> cues_;
  std::vector<Artifact> artifacts_;
  std::string error_;
};

}  // namespace

Result<std::vector<Artifact>> draw(const session::FinishOrder& order, const Finished& finished,
                                   const OnProgress& progress) {
  auto sources = open_sources(order, finished);
  auto picks = choose(sources, order.preview_interval.count() * 1'000'000);
  if (picks.empty()) return std::vector<Artifact>{};
  return Drawing{order, finished.report.duration_ns, std::move(sources), std::move(picks)}.draw(progress);
}

}  // namespace auralink::pipeline::finish
