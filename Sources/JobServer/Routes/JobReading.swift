internal import HTTPServer
internal import JobAPI
internal import JobStore
internal import Jobs

// What can be read of jobs.
extension APIRoutes {
  /// `GET /v1/jobs`
  func listJobs(_ call: Call) throws -> HTTPResponse {
    let query = try call.query(JobListQuery.table)
    var filter = JobStore.JobFilter(kind: query.kind, state: query.state)
    if let tag = query.tag {
      let parts = tag.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      filter.tag = JobStore.JobFilter.Tag(
        key: String(parts[0]), value: parts.count == 2 ? String(parts[1]) : nil)
    }
    let page = try services.store.jobIDs(filter, after: query.after, limit: query.limit)
    // Most of a page that is looked at again and again is in the cache.
    let jobs = try page.ids.compactMap { id throws(StoreError) -> [UInt8]? in
      do throws(StoreError) {
        return try cache.entry(id).bytes
      } catch .notFound {
        return nil  // Deleted since the page was read.
      }
    }
    return HTTPResponse(
      status: 200, headers: [("Content-Type", "application/json")],
      bytes: ListWire.page(encoded: jobs, next: page.next?.text))
  }

  /// `GET /v1/jobs/{id}`, also as a long poll.
  func showJob(_ call: Call) throws -> HTTPResponse? {
    let id = try call.jobID()
    guard !call.request.query.isEmpty, let seconds = try call.query(JobQuery.table).waitSeconds,
      seconds > 0
    else { return job(try cache.entry(id), to: call) }
    // The waiter comes first: a change after the look at the job then answers it.
    let number = watchers.wait(for: id, seconds: seconds) { [cache] in
      do {
        call.respond(self.job(try cache.entry(id), to: call))
      } catch {
        call.respond(error)
      }
    }
    do {
      let entry = try cache.entry(id)
      if !entry.isFinal { return nil }
      return watchers.take(number, of: id) == nil ? nil : job(entry, to: call)
    } catch {
      // Whoever takes the waiter answers.
      guard watchers.take(number, of: id) != nil else { return nil }
      throw error
    }
  }

  private func job(_ entry: JobCache.Entry, to call: Call) -> HTTPResponse {
    if call.request.knows(tag: entry.tag) {
      return HTTPResponse(status: 304, headers: [("ETag", entry.tag)])
    }
    return HTTPResponse(
      status: 200,
      headers: [
        ("Content-Type", "application/json"), ("ETag", entry.tag), ("Cache-Control", "no-cache"),
      ], bytes: entry.bytes)
  }

  /// `GET /v1/jobs/{id}/events`
  func jobEvents(_ call: Call) throws -> HTTPResponse {
    let id = try call.jobID()
    var after = Int64(try call.query(EventsQuery.table).after)
    if let header = call.request.headers["last-event-id"], !header.isEmpty {
      guard let number = Int64(header), number >= 0 else {
        throw ProblemKind.invalidParameter.problem(
          "Last-Event-ID must be the number of an event",
          errors: [
            FieldError(pointer: "/headers/Last-Event-ID", detail: "must be the number of an event")
          ])
      }
      after = number
    }
    let entry = try cache.entry(id)
    if entry.isFinal, after > 0, try pages.page(of: id, after: after) == nil {
      // Nothing will come any more: 204 stops a browser from asking again (HTML, 9.2.2).
      return HTTPResponse(status: 204)
    }
    let streams = JobEventStream(pages: pages, cache: cache, watchers: watchers)
    return HTTPResponse(
      status: 200,
      headers: [
        ("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"),
        // Proxies of the nginx kind would hold events back.
        ("X-Accel-Buffering", "no"),
      ], body: .stream(streams.stream(of: id, after: after)))
  }

  /// `GET /v1/jobs/{id}/metrics`
  func jobMetrics(_ call: Call) throws -> HTTPResponse {
    let id = try call.jobID()
    let query = try call.query(MetricsQuery.table)
    let series = try services.store.metrics(
      of: id, names: query.names, pointsMax: query.maxPoints)
    return .json(MetricWire.answer(series.map { ($0.name, $0.json) }))
  }

  /// `GET /v1/jobs/{id}/logs`
  func jobLogs(_ call: Call) throws -> HTTPResponse {
    let id = try call.jobID()
    let query = try call.query(LogsQuery.table)
    let events = try services.store.logs(of: id, after: Int64(query.after), limit: query.limit)
    let lines = events.compactMap { LogLine($0) }
    if call.request.headers["accept"]?.contains("text/plain") ?? false {
      return .text(lines.map { $0.text + "\n" }.joined())
    }
    var bytes: [UInt8] = []
    for line in lines {
      LogLine.record.json(line).write(to: &bytes)
      bytes.append(UInt8(ascii: "\n"))
    }
    return HTTPResponse(
      status: 200, headers: [("Content-Type", "application/x-ndjson")], bytes: bytes)
  }

  /// `GET /v1/jobs/{id}/health`
  func jobHealth(_ call: Call) throws -> HTTPResponse {
    .json(try services.store.job(try call.jobID()).health ?? [:])
  }
}
