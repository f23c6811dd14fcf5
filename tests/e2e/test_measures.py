# SPDX-License-Identifier: LGPL-2.1-or-later
"""The measures themselves: what is wrong on purpose has to be found, or the other tests prove nothing."""
import numpy
import pytest

import media
from test_branches import check_every_frame
from test_media import check_keyframes, check_plain_mp4


def changed(tmp_path, *arguments, source=None, name="changed.mp4"):
    target = tmp_path / name
    media.run("ffmpeg", "-v", "error", "-i", source or media.flash_and_beep(), *arguments, target)
    return target


def offsets(path):
    flashes = media.flash_onsets(media.video(path))
    beeps = media.beep_onsets(media.audio(path))
    return numpy.array([beeps[numpy.abs(beeps - f).argmin()] - f for f in flashes])


def test_flashes_and_beeps_of_the_clip_begin_together():
    found = offsets(media.flash_and_beep())
    assert len(found) == 19 and numpy.abs(found).max() < 0.004, found


@pytest.mark.parametrize("shift", [0.150, -0.150])
def test_sound_that_is_late_or_early_is_noticed(tmp_path, shift):
    late = f"adelay={int(shift * 1000)}" if shift > 0 else f"atrim=start={-shift},asetpts=PTS-STARTPTS"
    assert offsets(changed(tmp_path, "-c:v", "copy", "-af", late)) == pytest.approx(shift, abs=0.006)


def test_a_missing_frame_is_noticed(tmp_path):
    check_every_frame(changed(tmp_path, "-t", "4", *media.VIDEO, *media.AUDIO, name="whole.mp4"))
    holed = changed(tmp_path, "-t", "4", "-vf", "select='not(eq(n,50))'", "-fps_mode", "passthrough", *media.VIDEO,
                    *media.AUDIO)
    with pytest.raises(AssertionError):
        check_every_frame(holed)


def test_a_damaged_file_is_noticed(tmp_path):
    whole = changed(tmp_path, "-t", "4", *media.VIDEO, *media.AUDIO, name="whole.mkv")
    media.decodes_cleanly(whole)
    damaged = bytearray(whole.read_bytes())
    middle = len(damaged) // 2
    damaged[middle:middle + 2000] = bytes(2000)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(damaged)
    with pytest.raises(AssertionError):
        media.decodes_cleanly(broken)


def test_keyframes_at_other_times_are_noticed(tmp_path):
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-sc_threshold", "0", "-t", "7", "-an")
    check_keyframes(changed(tmp_path, *coded, "-g", "60", name="two.mp4"))
    with pytest.raises(AssertionError):
        check_keyframes(changed(tmp_path, *coded, "-g", "64"))


def test_fragments_are_noticed(tmp_path):
    check_plain_mp4(changed(tmp_path, "-c", "copy", name="plain.mp4"))
    with pytest.raises(AssertionError):
        check_plain_mp4(changed(tmp_path, "-c", "copy", "-movflags", "frag_keyframe+empty_moov"))


def test_tones_and_colours_are_told_apart():
    samples = media.audio(media.person("red", 300))
    assert len(media.tone_times(samples, 300)) > 110
    for other in (500, 700, 1100):
        assert not len(media.tone_times(samples, other)), other
    shown = media.video(media.person("red", 300))
    assert media.is_colour(shown.colours_at(0.5, 0.5), "red").all()
    for other in set(media.COLOURS) - {"red"}:
        assert not media.is_colour(shown.colours_at(0.5, 0.5), other).any(), other


def test_recoding_is_not_mistaken_for_a_copy(tmp_path):
    copy = changed(tmp_path, "-c", "copy", source=media.HELLO, name="copy.mkv")
    recoded = changed(tmp_path, *media.VIDEO, *media.AUDIO, source=media.HELLO)
    for stream in ("v", "a"):
        original = media.payload_digests(media.HELLO, stream)
        # ffmpeg keeps what the edit list of the clip cuts off at the end, too.
        assert media.payload_digests(copy, stream)[:len(original)] == original
        assert media.payload_digests(recoded, stream)[:len(original)] != original
