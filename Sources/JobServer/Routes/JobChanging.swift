internal import Crypto
internal import Foundation
internal import HTTPServer
internal import JobAPI
internal import JobStore
internal import Jobs

// What can be asked of jobs.
extension APIRoutes {
  /// `POST /v1/jobs`
  func submitJob(_ call: Call) throws -> HTTPResponse? {
    let request = try call.body { json throws(SpecError) in
      try JobRequest(json, defaults: services.defaults)
    }
    let faults = services.checkSpec(request.spec).map {
      FieldError(pointer: "/spec" + $0.pointer, detail: $0.detail)
    }
    guard faults.isEmpty else { throw Call.invalidBody(faults) }
    let job = request.newJob(id: .make(at: services.clock()))
    try submit([job], call) { jobs, isRepeated in
      guard let job = jobs.first else { return HTTPResponse(status: 500) }
      let entry = JobCache.Entry(job)
      return HTTPResponse(
        status: isRepeated ? 200 : 201,
        headers: [
          ("Content-Type", "application/json"), ("Location", "/v1/jobs/\(job.id.text)"),
          ("ETag", entry.tag),
        ], bytes: entry.bytes)
    }
    return nil
  }

  /// `POST /v1/pipelines`
  func submitPipeline(_ call: Call) throws -> HTTPResponse? {
    let pipeline = try call.body { json throws(SpecError) in
      try PipelineSpec(
        json, defaults: services.defaults, makeID: { .make(at: services.clock()) },
        check: services.checkSpec)
    }
    try submit(pipeline.jobs, call) { jobs, isRepeated in
      .json(
        PipelineWire.answer(jobs), status: isRepeated ? 200 : 201,
        headers: jobs.first.map { [("Location", "/v1/jobs/\($0.id.text)")] } ?? [])
    }
    return nil
  }

  /// Hands jobs to the store and answers when they are on the disk.
  private func submit(
    _ jobs: [NewJob], _ call: Call,
    answer: @escaping @Sendable ([Job], _ isRepeated: Bool) -> HTTPResponse
  ) throws {
    let key = try idempotencyKey(call)
    services.store.submit(jobs, idempotency: key) { [answers] result in
      // The writer's thread is everybody's: encode elsewhere.
      answers.async {
        switch result {
        case .success(let submission):
          call.respond(answer(submission.jobs, submission.isRepeated))
        case .failure(let error): call.respond(error)
        }
      }
    }
  }

  private func idempotencyKey(_ call: Call) throws(Problem) -> JobStore.IdempotencyKey? {
    guard let key = call.request.headers["idempotency-key"] else { return nil }
    guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    else {
      let detail = "must be 1 to 255 printable ASCII characters"
      throw ProblemKind.invalidParameter.problem(
        "Idempotency-Key \(detail)",
        errors: [FieldError(pointer: "/headers/Idempotency-Key", detail: detail)])
    }
    let hash = SHA256.hash(data: call.request.body)
    return JobStore.IdempotencyKey(
      key: "\(call.operation.rawValue) \(key)",
      fingerprint: hash.map { String(format: "%02x", $0) }.joined())
  }

  /// `POST /v1/jobs/{id}/cancel`
  func cancelJob(_ call: Call) throws -> HTTPResponse {
    let id = try call.jobID()
    try call.expectNoBody()
    return .json(Job.record.json(try services.store.cancel(id)), status: 202)
  }

  /// `POST /v1/jobs/{id}/retry`
  func retryJob(_ call: Call) throws -> HTTPResponse {
    let id = try call.jobID()
    try call.expectNoBody()
    return .json(Job.record.json(try services.store.retry(id)), status: 202)
  }

  /// `DELETE /v1/jobs/{id}`
  func deleteJob(_ call: Call) throws -> HTTPResponse {
    let id = try call.jobID()
    try call.expectNoBody()
    let query = try call.query(DeletionQuery.table)
    let paths = try services.store.delete(id, query.artifacts ? .everything : .jobOnly)
    if query.artifacts {
      services.deleteFiles(paths)
      services.deleteFolder(id)
    }
    return HTTPResponse(status: 204)
  }
}
