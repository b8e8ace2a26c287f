using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>Reads single settings of the environment; what is wrong with them is kept, so that all of it is told at once.</summary>
internal abstract class EnvironmentReader(IReadOnlyDictionary<string, string> environment)
{
    protected List<string> Errors { get; } = [];

    /// <exception cref="CoordinatorException">One line for each error.</exception>
    protected void ThrowIfAny()
    {
        if (Errors.Count > 0)
        {
            throw new CoordinatorException(FailureReason.Settings, string.Join('\n', Errors));
        }
    }

    protected IPEndPoint EndPoint(Setting setting)
    {
        var text = Value(setting);
        // Without a port it would be any.
        if (IPEndPoint.TryParse(text, out var endpoint) && text.EndsWith($":{endpoint.Port}", StringComparison.Ordinal))
        {
            return endpoint;
        }

        Wrong(setting, text, "is no address with a port", $"give one such as {setting.Default}");
        return new IPEndPoint(IPAddress.Loopback, 0);
    }

    protected bool IsJson() => Choice(Setting.LogFormat, ("text", false), ("json", true));

    protected LogLevel Level() => Choice(
        Setting.LogLevel, ("debug", LogLevel.Debug), ("info", LogLevel.Information), ("warning", LogLevel.Warning), ("error", LogLevel.Error));

    protected Uri? OtlpEndpoint()
    {
        if (Text(Setting.OtlpEndpoint) is not { } text)
        {
            return null;
        }

        if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Query.Length == 0)
        {
            return url;
        }

        Wrong(Setting.OtlpEndpoint, text, "is no URL", "give one such as http://collector.monitoring:4318");
        return null;
    }

    protected IReadOnlyList<IPNetwork> Networks(Setting setting)
    {
        var networks = new List<IPNetwork>();
        foreach (var item in List(setting))
        {
            if (IPNetwork.TryParse(item, out var network))
            {
                networks.Add(network);
            }
            else if (IPAddress.TryParse(item, out var address))
            {
                networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            }
            else
            {
                Wrong(setting, item, "is neither an address nor a network", "write for example 127.0.0.1 or 10.0.0.0/8");
            }
        }

        return networks;
    }

    protected TimeSpan Days(Setting setting)
    {
        var text = Value(setting);
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var days) || days is < 1 or > 3650)
        {
            Wrong(setting, text, "is no number of days from 1 to 3650", $"give one such as {setting.Default}");
        }

        return TimeSpan.FromDays(days);
    }

    protected T Choice<T>(Setting setting, params (string Text, T Value)[] choices)
    {
        var text = Value(setting);
        foreach (var (name, value) in choices)
        {
            if (name == text)
            {
                return value;
            }
        }

        Wrong(setting, text, "is not known", $"give {string.Join(" or ", choices.Select(static c => c.Text))}");
        return choices[0].Value;
    }

    protected string[] List(Setting setting) =>
        Value(setting).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    protected string Value(Setting setting) => Text(setting) ?? setting.Default;

    /// <summary>An empty variable counts as not set.</summary>
    protected string? Text(Setting setting) => environment.GetValueOrDefault(setting.Name) is { Length: > 0 } text ? text : null;

    protected void Wrong(Setting setting, string value, string problem, string remedy) => Errors.Add($"{setting.Name}=\"{value}\" {problem}; {remedy}");
}
