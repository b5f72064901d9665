// The system's libcurl, and one fixed-argument twin for each kind of argument that its variadic
// functions take, which Swift cannot call; and Linux's epoll, which tells libcurl what is ready.

#ifndef CURL_SHIM_H
#define CURL_SHIM_H

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

typedef size_t (*curl_shim_receiver)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode curl_shim_set_long(CURL *handle, CURLoption option, long value)
{
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode curl_shim_set_offset(CURL *handle, CURLoption option, curl_off_t value)
{
  return curl_easy_setopt(handle, option, value);
}

// libcurl copies strings, except for CURLOPT_POSTFIELDS and CURLOPT_ERRORBUFFER.
static inline CURLcode curl_shim_set_pointer(CURL *handle, CURLoption option, const void *value)
{
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode curl_shim_set_receiver(CURL *handle, CURLoption option,
                                              curl_shim_receiver value)
{
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode curl_shim_get_long(CURL *handle, CURLINFO info, long *value)
{
  return curl_easy_getinfo(handle, info, value);
}

static inline CURLMcode curl_shim_multi_set_long(CURLM *handle, CURLMoption option, long value)
{
  return curl_multi_setopt(handle, option, value);
}

// Both callbacks get the same context.
static inline void curl_shim_multi_set_watchers(CURLM *handle, curl_socket_callback watch_socket,
                                                curl_multi_timer_callback watch_time,
                                                void *context)
{
  curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, watch_socket);
  curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, context);
  curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, watch_time);
  curl_multi_setopt(handle, CURLMOPT_TIMERDATA, context);
}

#endif
