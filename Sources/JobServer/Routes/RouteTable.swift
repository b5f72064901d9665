internal import HTTPServer
internal import JobAPI

/// Which operation a request asks for.
struct RouteTable: Sendable {
  /// What a request's method and path lead to.
  enum Match: Equatable {
    case found(APIOperation, parameters: [String])
    /// The path exists, with these methods.
    case otherMethods([String])
    case nothing
  }

  private enum Segment: Sendable {
    case literal(String)
    case parameter
    /// All segments that are left, at least one.
    case rest
  }

  private struct Route: Sendable {
    let operation: APIOperation
    let method: String
    let segments: [Segment]
  }

  private let routes: [Route]

  /// The routes of all operations.
  init() {
    routes = APIOperation.allCases.map { operation in
      let description = operation.description
      let names = description.path.split(separator: "/")
      let segments = names.map { name -> Segment in
        guard name.hasPrefix("{") else { return .literal(String(name)) }
        // The file's name, which may hold slashes, is the only parameter of more segments.
        return name == "{name}" ? .rest : .parameter
      }
      return Route(
        operation: operation, method: description.method.rawValue, segments: segments)
    }
  }

  /// Finds the operation; HEAD goes where GET goes.
  func match(method: String, path: [String]) -> Match {
    let wanted = method == "HEAD" ? "GET" : method
    var methods: [String] = []
    for route in routes {
      guard let parameters = Self.parameters(of: path, along: route.segments) else { continue }
      if route.method == wanted { return .found(route.operation, parameters: parameters) }
      methods.append(route.method)
      if route.method == "GET" { methods.append("HEAD") }
    }
    return methods.isEmpty ? .nothing : .otherMethods(methods)
  }

  private static func parameters(of path: [String], along segments: [Segment]) -> [String]? {
    guard path.count >= segments.count else { return nil }
    var parameters: [String] = []
    for (index, segment) in segments.enumerated() {
      switch segment {
      case .literal(let name):
        guard path[index] == name else { return nil }
      case .parameter: parameters.append(path[index])
      case .rest:
        parameters.append(path[index...].joined(separator: "/"))
        return parameters
      }
    }
    return path.count == segments.count ? parameters : nil
  }
}
