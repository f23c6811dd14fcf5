// SPDX-License-Identifier: LGPL-2.1-or-later
#include "orchestrator/pipeline/participant_bin.hpp"

#include <algorithm>
#include <utility>

namespace auralink::pipeline {

using support::Owned;

struct ParticipantBin::Source {
  bool looping = false;                  // waits for loop()
  std::vector<Stream*> streams;          // linked ones
  std::vector<Owned<GstPad>> consumers;  // where its streams enter our chains
};

struct ParticipantBin::Stream {
  ParticipantBin* owner = nullptr;
  Media media = Media::video;
  Owned<GstPad> pad;
  Source* source = nullptr;  // set when it got linked
  bool ended = false;
};

tl::expected<std::unique_ptr<ParticipantBin>, BuildError> ParticipantBin::create(const Participant& plan,
                                                                                 std::int64_t offset,
                                                                                 Hooks hooks) {
  std::unique_ptr<ParticipantBin> self{new ParticipantBin{plan, offset, std::move(hooks)}};
  auto bin = build_bin(plan.fragment, [raw = self.get()](GstPad* consumer) { raw->on_delayed(consumer); });
  if (!bin) return tl::unexpected(bin.error());
  self->bin_ = std::move(*bin);
  for (const Port& port : plan.fragment.outputs) {
    auto stream = std::make_unique<Stream>();
    stream->owner = self.get();
    stream->media = port.media;
    stream->pad.reset(gst_element_get_static_pad(self->bin_.get(), port.name.c_str()));
    constexpr auto kMask = GstPadProbeType(GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                           GST_PAD_PROBE_TYPE_EVENT_FLUSH | GST_PAD_PROBE_TYPE_BUFFER);
    gst_pad_add_probe(stream->pad.get(), kMask, on_event, stream.get(), nullptr);
    self->streams_.emplace(port.name, std::move(stream));
  }
  for (const Link& link : plan.fragment.links) {
    if (!link.delayed || self->sources_.contains(link.from)) continue;
    self->sources_.emplace(link.from, std::make_unique<Source>());
  }
  return self;
}

ParticipantBin::ParticipantBin(const Participant& plan, std::int64_t offset, Hooks hooks)
    : plan_{plan}, hooks_{std::move(hooks)}, offset_{offset} {}

ParticipantBin::~ParticipantBin() {
  if (bin_) gst_element_set_state(bin_.get(), GST_STATE_NULL);
}

const Port* ParticipantBin::port_behind(const std::string& node) const {
  std::string at = node;
  for (std::size_t hops = 0; hops <= plan_.fragment.links.size(); ++hops) {
    const auto port = std::ranges::find(plan_.fragment.outputs, at, &Port::node);
    if (port != plan_.fragment.outputs.end()) return &*port;
    const auto link = std::ranges::find(plan_.fragment.links, at, &Link::from);
    if (link == plan_.fragment.links.end()) return nullptr;
    at = link->to;
  }
  return nullptr;
}

void ParticipantBin::on_delayed(GstPad* consumer) {
  const Owned<GstElement> chain_head{gst_pad_get_parent_element(consumer)};
  const std::string head = GST_OBJECT_NAME(chain_head.get());
  const Port* port = port_behind(head);
  const auto link =
      std::ranges::find_if(plan_.fragment.links, [&](const Link& l) { return l.delayed && l.to == head; });
  if (!port || link == plan_.fragment.links.end() || muted_) return;
  gst_pad_set_offset(consumer, offset_);
  Stream& stream = *streams_.at(port->name);
  {
    const std::scoped_lock lock{mutex_};
    Source& source = *sources_.at(link->from);
    stream.source = &source;
    source.streams.push_back(&stream);
    source.consumers.emplace_back(GST_PAD(gst_object_ref(consumer)));
  }
  hooks_.on_stream(stream.media, stream.pad.get());
}

void ParticipantBin::report_static_streams() {
  if (!sources_.empty()) return;
  for (const auto& [name, stream] : streams_) hooks_.on_stream(stream->media, stream->pad.get());
}

GstElement* ParticipantBin::tap(Media media) const {
  const auto node = plan_.taps.find(media);
  if (node == plan_.taps.end()) return nullptr;
  const Owned<GstElement> tee{gst_bin_get_by_name(GST_BIN(bin_.get()), node->second.c_str())};
  GstElement* const kept_by_the_bin = tee.get();
  return kept_by_the_bin;
}

void ParticipantBin::mute() { muted_ = true; }

GstPadProbeReturn ParticipantBin::on_event(GstPad*, GstPadProbeInfo* info, gpointer data) noexcept {
  auto& stream = *static_cast<Stream*>(data);
  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0)
    return stream.owner->muted_ ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
  switch (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info))) {
    case GST_EVENT_EOS:
      stream.owner->on_end(stream);
      return GST_PAD_PROBE_DROP;
    case GST_EVENT_FLUSH_START:  // from starting over; GstAggregator 1.22.0 has a use-after-free on flush
                                 // (1.22.9)
    case GST_EVENT_FLUSH_STOP:
      return GST_PAD_PROBE_DROP;
    default:
      return GST_PAD_PROBE_OK;
  }
}

void ParticipantBin::on_end(Stream& stream) {
  bool all_ended = false, wants_loop = false;
  {
    const std::scoped_lock lock{mutex_};
    stream.ended = true;
    if (plan_.loop && stream.source) {
      auto& source = *stream.source;
      wants_loop = std::ranges::all_of(source.streams, &Stream::ended);
      source.looping = source.looping || wants_loop;
    } else {
      // A file that has not shown its streams yet is still to come.
      const bool none_to_come =
          std::ranges::none_of(sources_, [](const auto& s) { return s.second->streams.empty(); });
      const bool all = std::ranges::all_of(streams_, [this](const auto& s) {
        return s.second->ended || (!sources_.empty() && !s.second->source);
      });
      all_ended = none_to_come && all && !std::exchange(ended_, none_to_come && all);
    }
  }
  if (wants_loop) hooks_.on_loop();
  if (all_ended) hooks_.on_ended();
}

void ParticipantBin::loop(std::int64_t running_time) {
  std::vector<Owned<GstPad>> seek_through;
  {
    const std::scoped_lock lock{mutex_};
    for (const auto& [id, source] : sources_) {
      if (!std::exchange(source->looping, false)) continue;
      for (Stream* stream : source->streams) stream->ended = false;
      for (const auto& pad : source->consumers) gst_pad_set_offset(pad.get(), running_time);
      // One stream is enough: a demuxer seeks all of them.
      seek_through.emplace_back(GST_PAD(gst_object_ref(source->consumers.front().get())));
    }
  }
  for (const auto& pad : seek_through) {
    constexpr auto kFlags = GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT);
    gst_pad_push_event(pad.get(), gst_event_new_seek(1.0, GST_FORMAT_TIME, kFlags, GST_SEEK_TYPE_SET, 0,
                                                     GST_SEEK_TYPE_NONE, 0));
  }
}

}  // namespace auralink::pipeline
