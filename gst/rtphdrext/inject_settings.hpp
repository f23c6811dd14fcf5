// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of rtpextinject, and what is derived from them for the streaming thread.
#pragma once

#include <gst/gst.h>

#include <limits>
#include <memory>
#include <optional>

#include "gst/rtphdrext/aic_meta.hpp"
#include "gst/rtphdrext/core/configuration.hpp"
#include "gst/support/support.hpp"

namespace auralink::rtphdrext {

/// Compatible with support::Guarded; the assignment itself never changes once it is shared.
struct Settings : Configuration {
  StreamFacts stream;
  /// Of the last usable configuration; it stays in force while a later one is not.
  std::shared_ptr<const Assignment> assignment = std::make_shared<Assignment>();
  std::optional<Complaint> complaint;

  /// Derives the last two from the rest.
  void settle();
};

[[nodiscard]] GType kinds_type();
/// The `stats` property; defined by the shell.
[[nodiscard]] GstStructure* read_stats(GObject* object);

inline constexpr support::Prop<Settings> kInjectProps[] = {
    support::UIntProp<Settings>{"id", "Id of the element whose bytes are `data`", &Settings::id, 1, kMaxId},
    support::StringProp<Settings>{
        "data",
        "Bytes of an element in hexadecimal, 1 to 255, e.g. 01a2 or 01:a2; empty: no "
        "such element",
        &Settings::data},
    support::StringProp<Settings>{
        "uri", "What the element of `id` means, for extmap-N in the caps; empty: unsaid", &Settings::uri},
    support::UIntProp<Settings>{"mtu",
                                "Largest packet in bytes, RTP header included, that injecting may produce; "
                                "larger ones pass unchanged",
                                &Settings::mtu, 28, std::numeric_limits<guint>::max()},
    support::IntListProp<Settings>{"remove", "Ids of elements to take away", &Settings::remove, 1, kMaxId},
    support::FlagsProp<Settings>{"negotiated",
                                 "Elements to write under the id that extmap-N in the caps gives their URI",
                                 kinds_type, &Settings::negotiated},
    support::UIntProp<Settings>{"aic-id", "Id for AIC metadata; 0: only if `negotiated` names it",
                                &Settings::aic_id, 0, kMaxId},
    support::UIntProp<Settings>{"audio-level-id",
                                "Id for the audio level (RFC 6464); 0: only if `negotiated` names it",
                                &Settings::audio_level_id, 0, kMaxId},
    support::UIntProp<Settings>{"abs-send-time-id",
                                "Id for the time of sending; 0: only if `negotiated` names it",
                                &Settings::abs_send_time_id, 0, kMaxId},
    support::UIntProp<Settings>{"abs-capture-time-id",
                                "Id for the time of capture; 0: only if `negotiated` names it",
                                &Settings::abs_capture_time_id, 0, kMaxId},
    support::UIntProp<Settings>{
        "mid-id", "Id for the media identification (RFC 8843); 0: only if `negotiated` names it",
        &Settings::mid_id, 0, kMaxId},
    support::UIntProp<Settings>{"frame-info-id", "Id for frame info; 0: only if `negotiated` names it",
                                &Settings::frame_info_id, 0, kMaxId},
    support::StringProp<Settings>{"mid", "Media identification to write", &Settings::mid},
    support::IntProp<Settings>{
        "audio-level",
        "Level in -dBov (127 is silence) of packets without a GstAudioLevelMeta; -1: they "
        "get no audio level",
        &Settings::audio_level, -1, 127},
    support::BoolProp<Settings>{"voice", "Voice activity that goes with `audio-level`", &Settings::voice},
    support::enum_prop<&Configuration::aic_mode, Settings>(
        "aic-mode", "AIC mode of packets without an AuralinkAicMeta", aic_mode_type),
    support::UIntProp<Settings>{"aic-saved", "Percent saved, of packets without an AuralinkAicMeta",
                                &Settings::aic_saved, 0, kMaxAicSaved},
    support::UIntProp<Settings>{"aic-ssim-loss",
                                "Thousandths of SSIM lost, of packets without an AuralinkAicMeta",
                                &Settings::aic_ssim_loss, 0, 255},
    support::UIntProp<Settings>{"aic-epoch", "Model epoch of packets without an AuralinkAicMeta",
                                &Settings::aic_epoch, 0, 255},
    support::StructureProp{"stats",
                           "Counters since the stream began: packets, how many of them had each outcome, how "
                           "many changed form, and elements written by kind",
                           read_stats},
};

}  // namespace auralink::rtphdrext
