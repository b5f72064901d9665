internal import Dispatch
internal import HTTPServer
internal import JobAPI
internal import Jobs

// Hosted teachers.
extension APIRoutes {
  /// `GET /v1/teachers`
  func listTeachers(_ call: Call) throws -> HTTPResponse {
    _ = try call.query(NoQuery.table)
    return .json(
      ListWire.page(
        services.teacherProviders().map { TeacherProviderFacts.record.json($0) }, next: nil))
  }

  /// `POST /v1/teachers/probe`: it takes seconds, so that no thread of the server waits for it.
  func probeTeacher(_ call: Call) throws -> HTTPResponse? {
    let request = try call.body { json throws(SpecError) in
      try TeacherProbeRequest.table.read(json)
    }
    guard request.teacher.provider != .local else {
      throw Call.invalidBody([
        FieldError(
          pointer: "/teacher/provider", detail: "a local teacher needs no probe; name a provider")
      ])
    }
    let probe = services.probeTeacher
    probes.async {
      do {
        call.respond(.json(TeacherProbeAnswer.record.json(try probe(request))))
      } catch {
        call.respond(error)
      }
    }
    return nil
  }
}
