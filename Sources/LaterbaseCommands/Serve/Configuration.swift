import ArgumentParser
import Yams

/// Where a server's settings come from: the command line wins over the environment, that over the YAML file.
///
/// Every flag is a key of the file (without `--`) and a variable (`LATERBASE_` and the name in upper case, `-` as `_`). So the two
/// other sources are turned into the arguments that say the same, and the flags' own parser reads all three: a value has one
/// form wherever it stands. A key is taken whole from the highest source that has it.
struct Configuration {
  /// What a value looks like.
  enum Form { case one, list, flag }

  /// A key that the command line, the environment or the file sets.
  private struct Setting {
    let key: String
    /// As arguments; empty for a flag that is off.
    let arguments: [String]
  }

  static let prefix = "LATERBASE_"
  static let standardFile = "./laterbase.yml"

  /// The keys and their forms: the flags of `ServeFlags`, but for `config`, which says where this file is.
  let keys: [(key: String, form: Form)]
  /// Reads arguments; throws for those that the flags don't take.
  let check: ([String]) throws(Failure) -> Void

  /// The arguments that a command line would have had to say all that the three sources say.
  /// - Parameter read: The text of a file, or nil if it isn't there.
  func arguments(
    commandLine: [String], environment: [String: String], read: (String) throws(Failure) -> String?
  ) throws(Failure) -> [String] {
    var arguments = commandLine
    var set = Set(keys.map(\.key).filter { Self.names("--\($0)", in: commandLine) })
    let above = try fromEnvironment(environment)
    let below = try fromFile(commandLine: commandLine, environment: environment, read: read)
    for source in [above, below] {
      let new = source.filter { !set.contains($0.key) }
      arguments += new.flatMap(\.arguments)
      set.formUnion(new.map(\.key))
    }
    return arguments
  }

  private static func names(_ flag: String, in arguments: [String]) -> Bool {
    arguments.contains { $0 == flag || $0.hasPrefix("\(flag)=") }
  }

  static func variable(_ key: String) -> String { prefix + key.uppercased().replacing("-", with: "_") }

  /// Variables that are empty count as not there. Lists are separated by commas.
  private func fromEnvironment(_ environment: [String: String]) throws(Failure) -> [Setting] {
    var settings: [Setting] = []
    for (key, form) in keys {
      guard let text = environment[Self.variable(key)], !text.isEmpty else { continue }
      let values = form == .list ? text.split(separator: ",").map(String.init) : [text]
      settings.append(try setting(key, form, values, place: Self.variable(key)))
    }
    return settings
  }

  /// The named file must be there; the standard one may be missing. Either may be empty.
  private func fromFile(
    commandLine: [String], environment: [String: String], read: (String) throws(Failure) -> String?
  ) throws(Failure) -> [Setting] {
    let named = Self.value("--config", in: commandLine) ?? environment[Self.variable("config")].flatMap { $0.isEmpty ? nil : $0 }
    let path = named ?? Self.standardFile
    guard let text = try read(path) else {
      if named != nil { throw .usage("\(path): there is no such file") }
      return []
    }
    let node: Node?
    do { node = try Yams.compose(yaml: text) } catch { throw .usage("\(path): \(Self.oneLine(error))") }
    guard let node, node.null == nil else { return [] }
    guard let mapping = node.mapping else { throw .usage("\(path): must be a mapping of keys to values") }
    var settings: [Setting] = []
    for (name, value) in mapping {
      guard let key = name.scalar?.string else { throw .usage("\(path): a key must be a plain word") }
      guard let form = keys.first(where: { $0.key == key })?.form else { throw .usage("\(path): \(key): there is no such key") }
      settings.append(try setting(key, form, try Self.values(value, form, place: "\(path): \(key)"), place: "\(path): \(key)"))
    }
    return settings
  }

  private static func values(_ node: Node, _ form: Form, place: String) throws(Failure) -> [String] {
    switch node {
    case .scalar(let scalar) where node.null == nil: return [scalar.string]
    case .sequence(let items) where form == .list:
      let texts = items.compactMap { $0.null == nil ? $0.scalar?.string : nil }
      guard texts.count == items.count else { throw .usage("\(place): must be a list of plain values") }
      return texts
    default: throw .usage("\(place): must be \(form == .list ? "a value or a list of values" : "one value")")
    }
  }

  private func setting(_ key: String, _ form: Form, _ values: [String], place: String) throws(Failure) -> Setting {
    if form == .flag {
      guard values == ["true"] || values == ["false"] else { throw .usage("\(place): must be true or false") }
      return Setting(key: key, arguments: values == ["true"] ? ["--\(key)"] : [])
    }
    let arguments = values.map { "--\(key)=\($0)" }
    do { try check(arguments) } catch { throw .usage("\(place): \(error.message)") }
    return Setting(key: key, arguments: arguments)
  }

  private static func value(_ flag: String, in arguments: [String]) -> String? {
    for (index, argument) in arguments.enumerated() {
      if argument.hasPrefix("\(flag)=") { return String(argument.dropFirst(flag.count + 1)) }
      if argument == flag, index + 1 < arguments.count { return arguments[index + 1] }
    }
    return nil
  }

  private static func oneLine(_ error: any Error) -> String {
    "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
