// SPDX-License-Identifier: LGPL-2.1-or-later
// Private to plan*.cpp: putting fragments together. Pure.
#pragma once

#include <string>
#include <utility>

#include "orchestrator/pipeline/plan.hpp"

namespace auralink::pipeline::parts {

using Properties = std::map<std::string, PropertyValue>;

/// Appends nodes to a fragment and links each to the one before it.
class Chain {
 public:
  /// `id` of the node that the next one is linked from; empty starts a new chain.
  explicit Chain(Fragment& fragment, std::string from = "") : fragment_{fragment}, last_{std::move(from)} {}

  Chain& node(std::string id, std::string factory, Properties properties = {}) {
    if (!last_.empty()) fragment_.links.push_back({last_, id});
    fragment_.nodes.push_back({id, std::move(factory), std::move(properties)});
    last_ = std::move(id);
    return *this;
  }
  Chain& into(const std::string& id, const std::string& pad = "") {
    fragment_.links.push_back({last_, id, "", pad});
    last_ = id;
    return *this;
  }
  Chain& caps(std::string id, std::string caps) {
    return node(std::move(id), "capsfilter", {{"caps", std::move(caps)}});
  }
  /// A tee that keeps running while nobody listens.
  Chain& tee(std::string id) { return node(std::move(id), "tee", {{"allow-not-linked", true}}); }

  [[nodiscard]] const std::string& last() const { return last_; }

 private:
  Fragment& fragment_;
  std::string last_;
};

[[nodiscard]] std::string raw_video_caps(unsigned width, unsigned height, unsigned fps);
[[nodiscard]] std::string raw_audio_caps(unsigned rate, unsigned channels);

/// The encoder of `encode` and what fixes its output, without queue, conversion or tee. `prefix` goes before
/// the ids of its nodes.
void add_encoder(Chain& chain, const Encode& encode, unsigned fps, unsigned width,
                 const std::string& prefix = "");

[[nodiscard]] std::vector<Participant> plan_participants(const Description& description);

}  // namespace auralink::pipeline::parts
