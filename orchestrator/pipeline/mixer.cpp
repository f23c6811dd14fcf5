// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/mixer.hpp"

#include <gst/base/gstaggregator.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "orchestrator/pipeline/plan.hpp"

namespace auralink::pipeline {

using support::Owned;

namespace {

/// What is behind by less is caught up with before anybody notices.
constexpr std::int64_t kLate = 100'000'000;

/// Mean power of the samples in -dBov; every fourth one says enough about speech.
template <class Sample>
std::uint8_t level_of(const GstMapInfo& map, double full_scale) {
  double power = 0;
  std::size_t count = 0;
  for (std::size_t at = 0; at + sizeof(Sample) <= map.size; at += 4 * sizeof(Sample), ++count) {
    Sample sample;
    std::memcpy(&sample, map.data + at, sizeof sample);
    const double part = static_cast<double>(sample) / full_scale;
    power += part * part;
  }
  if (count == 0 || !(power > 0)) return 127;
  return static_cast<std::uint8_t>(
      std::clamp(-10 * std::log10(power / static_cast<double>(count)), 0.0, 127.0));
}

std::optional<std::int64_t> buffer_running_time(GstPad* pad, GstBuffer* buffer) {
  const Owned<GstEvent> event{gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0)};
  if (!event || !GST_BUFFER_PTS_IS_VALID(buffer)) return std::nullopt;
  const GstSegment* segment = nullptr;
  gst_event_parse_segment(event.get(), &segment);
  const auto time = gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (!GST_CLOCK_TIME_IS_VALID(time)) return std::nullopt;
  return static_cast<std::int64_t>(time);
}

}  // namespace

Mixer::Mixer(GstElement* element, Media media, const Description& description,
             std::function<void(const std::string&)> on_released)
    : element_{GST_ELEMENT(gst_object_ref(element))},
      on_released_{std::move(on_released)},
      is_video_{media == Media::video},
      canvas_{description.video},
      rate_{description.audio.rate} {
  const Owned<GstPad> src{gst_element_get_static_pad(element, "src")};
  probe_ = gst_pad_add_probe(src.get(), GST_PAD_PROBE_TYPE_BUFFER, on_output, this, nullptr);
  if (is_video_) {
    g_object_set(element, "emit-signals", TRUE, nullptr);
    signal_ = g_signal_connect(element, "samples-selected", G_CALLBACK(on_selected), this);
  }
}

Mixer::~Mixer() {
  const Owned<GstPad> src{gst_element_get_static_pad(element_.get(), "src")};
  gst_pad_remove_probe(src.get(), probe_);
  if (signal_ != 0) g_signal_handler_disconnect(element_.get(), signal_);
}

void Mixer::prime() {
  auto input = std::make_unique<Input>(
      Input{this, 0, {}, Owned<GstPad>{gst_element_request_pad_simple(element_.get(), "sink_%u")}, nullptr});
  if (!input->sink) return;
  constexpr guint kSide = 16;
  const Owned<GstCaps> caps{is_video_
                                ? gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "I420", "width",
                                                      G_TYPE_INT, kSide, "height", G_TYPE_INT, kSide,
                                                      "framerate", GST_TYPE_FRACTION, 30, 1, nullptr)
                                : gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, "F32LE",
                                                      "layout", G_TYPE_STRING, "interleaved", "rate",
                                                      G_TYPE_INT, rate_, "channels", G_TYPE_INT, 1, nullptr)};
  const gsize bytes = is_video_ ? kSide * kSide * 3 / 2 : rate_ / 100 * sizeof(float);
  auto* buffer = gst_buffer_new_allocate(nullptr, bytes, nullptr);
  gst_buffer_memset(buffer, 0, 0, bytes);
  GST_BUFFER_PTS(buffer) = 0;
  GST_BUFFER_DURATION(buffer) = is_video_ ? GST_SECOND / 30 : GST_SECOND / 100;
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  // A reference of our own: the mixer's thread may release the input before gst_pad_chain() has returned.
  const Owned<GstPad> pad{GST_PAD(gst_object_ref(input->sink.get()))};
  if (is_video_) g_object_set(pad.get(), "alpha", 0.0, nullptr);
  gst_pad_send_event(pad.get(), gst_event_new_stream_start("primer"));
  gst_pad_send_event(pad.get(), gst_event_new_caps(caps.get()));
  gst_pad_send_event(pad.get(), gst_event_new_segment(&segment));
  {
    const std::scoped_lock lock{mutex_};
    leaving_.push_back(std::move(input));  // gone with the first output
  }
  gst_pad_chain(pad.get(), buffer);
}

bool Mixer::add(const std::string& participant, GstPad* source, std::size_t rank, std::int64_t timeout) {
  auto input = std::make_unique<Input>(
      Input{this, 0, participant, Owned<GstPad>{gst_element_request_pad_simple(element_.get(), "sink_%u")},
            Owned<GstPad>{GST_PAD(gst_object_ref(source))}});
  if (!input->sink) return false;
  if (is_video_) {
    // Unseen until its first picture is selected; then draw() places it.
    gst_util_set_object_arg(G_OBJECT(input->sink.get()), "sizing-policy", "keep-aspect-ratio");
    g_object_set(input->sink.get(), "alpha", 0.0, "width", 2, "height", 2, nullptr);
  }
  Input* raw = input.get();
  Owned<GstPad> parked;
  {
    const std::scoped_lock lock{mutex_};
    if (parked_) parked.reset(GST_PAD(gst_object_ref(parked_->sink.get())));
    input->id = roster_.join(participant, rank, timeout);
    inputs_[participant] = std::move(input);
  }
  // No longer alone, and not to be waited for until it is released.
  if (parked) gst_pad_send_event(parked.get(), gst_event_new_eos());
  gst_pad_add_probe(raw->sink.get(), GST_PAD_PROBE_TYPE_BUFFER, on_input, raw, nullptr);
  return GST_PAD_LINK_SUCCESSFUL(gst_pad_link(source, raw->sink.get()));
}

bool Mixer::remove(const std::string& participant) {
  const std::scoped_lock lock{mutex_};
  const auto it = inputs_.find(participant);
  if (it == inputs_.end()) return false;
  leaving_.push_back(std::move(it->second));
  inputs_.erase(it);
  return true;
}

GstPadProbeReturn Mixer::on_input(GstPad* pad, GstPadProbeInfo* info, gpointer data) noexcept {
  auto& input = *static_cast<Input*>(data);
  auto* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const auto time = buffer_running_time(pad, buffer);
  if (!time) return GST_PAD_PROBE_OK;
  if (input.mixer->listener_) input.mixer->measure(input, buffer, *time);
  const std::scoped_lock lock{input.mixer->mutex_};
  input.mixer->roster_.on_data(input.id, *time);
  const auto length = GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : 0;
  const bool late = *time + static_cast<std::int64_t>(length) < input.mixer->output_start_;
  // What a newcomer brings from before it was let in is not late.
  if (late && input.in_time) ++input.mixer->late_.inputs;
  input.in_time = input.in_time || !late;
  return GST_PAD_PROBE_OK;
}

void Mixer::on_selected(GstElement* element, GstSegment* segment, guint64 pts, guint64, guint64 duration,
                        GstStructure*, gpointer data) noexcept {
  auto& self = *static_cast<Mixer*>(data);
  (void)element;
  const auto time = gst_segment_to_running_time(segment, GST_FORMAT_TIME, pts);
  if (!GST_CLOCK_TIME_IS_VALID(time)) return;
  const auto end = time + (GST_CLOCK_TIME_IS_VALID(duration) ? duration : 0);
  std::function<void()> on_drawn;
  {
    const std::scoped_lock lock{self.mutex_};
    for (const auto& leaving : self.leaving_) {
      g_object_set(leaving->sink.get(), "alpha", 0.0, nullptr);
      self.roster_.leave(leaving->id);
    }
    const bool others = self.roster_.update(static_cast<std::int64_t>(end) - 1);
    if (!others && !std::exchange(self.reordered_, false)) return;
    self.reordered_ = false;
    self.draw();
    on_drawn = self.on_drawn_;
  }
  if (on_drawn) on_drawn();
}

GstPadProbeReturn Mixer::on_output(GstPad* pad, GstPadProbeInfo* info, gpointer data) noexcept {
  auto& self = *static_cast<Mixer*>(data);
  self.note_output(pad, GST_PAD_PROBE_INFO_BUFFER(info));
  std::vector<std::unique_ptr<Input>> leaving;
  Input* parked = nullptr;
  {
    const std::scoped_lock lock{self.mutex_};
    if (self.leaving_.empty() && (!self.parked_ || self.inputs_.empty())) return GST_PAD_PROBE_OK;
    leaving = std::exchange(self.leaving_, {});
    for (const auto& input : leaving) self.roster_.leave(input->id);
    if (self.parked_) leaving.push_back(std::move(self.parked_));
    if (self.inputs_.empty()) {
      self.parked_ = std::move(leaving.front());
      leaving.erase(leaving.begin());
      parked = self.parked_.get();
    }
  }
  // Here, on the mixer's own thread and between two outputs, because GstAggregator 1.22.0 has races between
  // releasing a pad and aggregating (fixed in 1.22.7).
  for (const auto& input : leaving) {
    self.unlink(*input);
    gst_element_release_request_pad(self.element_.get(), input->sink.get());
  }
  if (parked) self.unlink(*parked);
  return GST_PAD_PROBE_OK;
}

void Mixer::unlink(Input& input) {
  if (!input.source) return;  // the primer, or one that was parked
  gst_pad_unlink(input.source.get(), input.sink.get());
  input.source.reset();
  on_released_(input.participant);
}

void Mixer::draw() {
  std::vector<std::string> present;
  for (const auto& member : roster_.members()) {
    const auto it = inputs_.find(member.name);
    if (member.present && it != inputs_.end() && it->second->id == member.id) present.push_back(member.name);
  }
  tiles_ = assign_tiles(order_, present, tiles_);
  std::vector<GstPad*> shown;
  for (const auto& name : tiles_)
    if (!name.empty()) shown.push_back(inputs_.at(name)->sink.get());
  for (const auto& [name, input] : inputs_)
    if (std::ranges::find(shown, input->sink.get()) == shown.end())
      g_object_set(input->sink.get(), "alpha", 0.0, nullptr);
  const auto tiles = arrange(canvas_.layout, canvas_.width, canvas_.height, shown.size());
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const Tile& tile = tiles[i];
    const bool visible = tile.width > 0 && tile.height > 0;
    g_object_set(shown[i], "xpos", tile.x, "ypos", tile.y, "width", visible ? tile.width : 2, "height",
                 visible ? tile.height : 2, "alpha", visible ? 1.0 : 0.0, nullptr);
  }
}

void Mixer::order(SeatingOrder order, std::function<void()> on_drawn) {
  const std::scoped_lock lock{mutex_};
  order_ = std::move(order);
  on_drawn_ = std::move(on_drawn);
  reordered_ = true;
}

void Mixer::listen(Listener listener) { listener_ = std::move(listener); }

void Mixer::measure(const Input& input, GstBuffer* buffer, std::int64_t running_time) const {
  const Owned<GstCaps> caps{gst_pad_get_current_caps(input.sink.get())};
  if (!caps) return;
  const char* format = gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "format");
  GstMapInfo map;
  if (format == nullptr || !gst_buffer_map(buffer, &map, GST_MAP_READ)) return;
  const std::string_view name = format;
  if (name == "F32LE") listener_(input.participant, level_of<float>(map, 1.0), running_time);
  if (name == "S16LE") listener_(input.participant, level_of<std::int16_t>(map, 32768.0), running_time);
  gst_buffer_unmap(buffer, &map);
}

std::vector<std::string> Mixer::drawn() {
  const std::scoped_lock lock{mutex_};
  std::vector<std::string> names = tiles_;
  std::erase(names, std::string{});
  return names;
}

Mixer::Late Mixer::late() {
  const std::scoped_lock lock{mutex_};
  return late_;
}

void Mixer::note_output(GstPad* pad, GstBuffer* buffer) {
  const auto time = buffer_running_time(pad, buffer);
  if (!time) return;
  const auto now = static_cast<std::int64_t>(gst_element_get_current_running_time(element_.get()));
  const auto latency = gst_aggregator_get_latency(GST_AGGREGATOR(element_.get()));
  const std::scoped_lock lock{mutex_};
  output_start_ = *time;
  if (GST_CLOCK_TIME_IS_VALID(latency) && now > *time + static_cast<std::int64_t>(latency) + kLate)
    ++late_.outputs;
}

std::vector<Roster::Member> Mixer::present(std::int64_t running_time) {
  const std::scoped_lock lock{mutex_};
  if (!is_video_) roster_.update(running_time);
  return roster_.members();
}

}  // namespace auralink::pipeline
