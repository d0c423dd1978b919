// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// How long a background thread keeps a processor from the workers.

#ifndef CUCACHE_BASE_TIME_SLICE_H_
#define CUCACHE_BASE_TIME_SLICE_H_

namespace cucache {

// Asks the scheduler to run the calling thread in turns of a tenth of a
// millisecond instead of 3 or 4, at the same share of the processor: others
// that wait for the end of its turn wait less long, but more often. Linux
// since 6.12 (sched_attr::sched_runtime of a normal thread); without effect
// before.
void AskForShortTimeSlices();

}  // namespace cucache

#endif  // CUCACHE_BASE_TIME_SLICE_H_
