// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/segment_writer.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "orchestrator/pipeline/finish_mp4.hpp"

namespace auralink::pipeline {
namespace {

std::string name_of(unsigned number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%05u.mp4", number);
  return text.data();
}

class Written final : public finish::ByteSource {
 public:
  explicit Written(const FolderFile& file) : file_{file} {}
  [[nodiscard]] std::uint64_t size() const override { return file_.size(); }
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    return file_.read(offset, out);
  }

 private:
  const FolderFile& file_;
};

}  // namespace

SegmentWriter::SegmentWriter(std::string folder, std::int64_t target)
    : file_{std::move(folder)},
      cutter_{
          target,
          {.init = [this](std::span<const std::uint8_t> bytes) { init_.assign(bytes.begin(), bytes.end()); },
           .begin = [this](std::int64_t start) { begin_segment(start); },
           .data = [this](std::span<const std::uint8_t> bytes) { file_.append(bytes); },
           // Which sound is the next one's is known when that begins.
           .end = [](std::int64_t, bool) {}},
          HlsCutter::Straddling::both} {}

FragmentWriter::Status SegmentWriter::write(std::span<const std::uint8_t> bytes) {
  if (auto cut = cutter_.feed(bytes); !cut) return cut;
  return file_.status();
}

FragmentWriter::Status SegmentWriter::finish() {
  cutter_.finish();
  end_segment(std::numeric_limits<std::int64_t>::max());
  return file_.status();
}

void SegmentWriter::begin_segment(std::int64_t start_ns) {
  end_segment(start_ns);
  if (begun_ > 0) start_ns_ = start_ns;
  file_.create(name_of(begun_++));
  file_.append(init_);
}

void SegmentWriter::end_segment(std::int64_t until_ns) {
  if (!file_.open()) return;
  // From the moov that announced the fragments on, everything becomes one mdat. The new tables come first: at
  // any moment one of the two readings is whole. What cannot be read so stays, for the finisher to mend.
  const auto data_at = finish::big<4>(init_);
  const auto data_size = file_.size() - data_at;
  auto segment = finish::read_mp4(Written{file_});
  if (segment && !segment->torn && data_size <= std::numeric_limits<std::uint32_t>::max()) {
    finish::settle_segment(*segment, start_ns_, until_ns);
    file_.append(finish::tables_of(*segment));
    finish::Bytes header;
    finish::put<4>(header, data_size);
    finish::put(header, std::string_view{"mdat"});
    file_.overwrite(data_at, header);
  }
  file_.close();
}

}  // namespace auralink::pipeline
