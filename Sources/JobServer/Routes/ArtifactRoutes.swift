internal import Foundation
internal import HTTPServer
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Logging

// Files that jobs left.
extension APIRoutes {
  /// `GET /v1/jobs/{id}/artifacts`
  func listArtifacts(_ call: Call) throws -> HTTPResponse {
    let artifacts = try services.store.job(try call.jobID()).artifacts
    return .json(ListWire.page(artifacts.map { Artifact.record.json($0) }, next: nil))
  }

  /// `GET /v1/jobs/{id}/artifacts/{name}`
  func downloadArtifact(_ call: Call) throws -> HTTPResponse {
    let job = try services.store.job(try call.jobID())
    guard let artifact = job.artifacts.first(where: { $0.name == call.parameters[1] }) else {
      throw ProblemKind.notFound.problem("the job left no file of that name")
    }
    let tag = "\"\(artifact.sha256)\""
    if call.request.knows(tag: tag) {
      return HTTPResponse(status: 304, headers: [("ETag", tag)])
    }
    let file = try open(artifact)
    var headers = [
      (name: "Content-Type", value: artifact.mediaType), ("ETag", tag),
      ("Accept-Ranges", "bytes"), ("X-Content-Type-Options", "nosniff"),
      // A report is looked at in a browser, under the API's own origin: it may not act there.
      (
        "Content-Security-Policy",
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
      ),
    ]
    switch byteRange(of: call.request, size: file.size, tag: tag) {
    case .whole:
      return HTTPResponse(status: 200, headers: headers, body: .file(file, 0..<file.size))
    case .part(let range):
      headers.append(
        ("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)"))
      return HTTPResponse(status: 206, headers: headers, body: .file(file, range))
    case .unsatisfiable:
      var response = HTTPResponse(
        ProblemKind.rangeNotSatisfiable.problem("the file has \(file.size) bytes"),
        path: call.request.rawPath)
      response.headers.append(("Content-Range", "bytes */\(file.size)"))
      return response
    }
  }

  private func open(_ artifact: Artifact) throws -> HTTPFile {
    do {
      return try HTTPFile(path: try services.artifactFile(artifact.path))
    } catch let error as POSIXError {
      services.logger.error(
        "artifact cannot be read",
        metadata: ["path": "\(artifact.path)", "error": "\(error.code)"])
      throw error.code == .ENOENT
        ? ProblemKind.notFound.problem("the file is no longer there")
        : ProblemKind.notAvailable.problem("the file cannot be read now")
    }
  }
}

/// What of a file a request asks for.
enum ByteRange: Equatable {
  case whole
  /// Not empty.
  case part(Range<Int64>)
  case unsatisfiable
}

/// The part of a file that a request asks for (RFC 9110, 14).
///
/// Several ranges at once, other units and what cannot be read ask for the whole.
///
/// - Parameters:
///   - size: of the file, in bytes.
///   - tag: the file's entity tag, for `If-Range`.
func byteRange(of request: HTTPRequest, size: Int64, tag: String) -> ByteRange {
  guard let header = request.headers["range"], header.hasPrefix("bytes=") else { return .whole }
  if let condition = request.headers["if-range"], condition != tag { return .whole }
  let parts = header.dropFirst("bytes=".count)
    .split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    .map { $0.trimmingCharacters(in: .whitespaces) }
  guard parts.count == 2,
    parts.allSatisfy({ part in part.utf8.allSatisfy { (0x30...0x39).contains($0) } })
  else {
    return .whole
  }
  switch (Int64(parts[0]), Int64(parts[1])) {
  case (nil, let suffix?) where parts[0].isEmpty:
    return suffix == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - suffix)..<size)
  case (let first?, nil) where parts[1].isEmpty:
    return first < size ? .part(first..<size) : .unsatisfiable
  case (let first?, let last?):
    if first > last { return .whole }
    return first < size ? .part(first..<min(last + 1, size)) : .unsatisfiable
  default:
    return .whole
  }
}
