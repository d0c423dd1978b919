// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/event_base.h"

#include <glog/logging.h>

namespace cucache {

EventBase NewEventBase() {
  event_config* config = event_config_new();
  CHECK(config != nullptr);
  // A loop belongs to one thread, and nothing in it asks for the time.
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
  EventBase base(event_base_new_with_config(config));
  event_config_free(config);
  return base;
}

}  // namespace cucache
