using System.Buffers;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Status;

/// <summary>A transition as a line of the journal.</summary>
internal static class JournalLine
{
    public static ReadOnlySpan<byte> Of(AgentStart start, long sequence, VmStatus status)
    {
        var line = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("time", status.Since);
            json.WriteString("phase", status.Phase.ToString());
            if (status.Reason is { } reason)
            {
                json.WriteString("reason", reason);
            }

            if (status.ExitCode is { } code)
            {
                json.WriteNumber("exitCode", code);
            }

            json.WriteString("start", start.Id);
            json.WriteString("startTime", start.Time);
            json.WriteNumber("sequence", sequence);
            json.WriteEndObject();
        }

        line.Write("\n"u8);
        return line.WrittenSpan;
    }

    /// <returns>Null for what is none: a line that a crash cut, or one of an agent that had no numbers yet.</returns>
    public static TransitionReport? TryRead(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            var line = document.RootElement;
            return new TransitionReport(
                new AgentStart(line.GetProperty("start").GetString()!, line.GetProperty("startTime").GetDateTimeOffset()),
                line.GetProperty("sequence").GetInt64(),
                line.GetProperty("time").GetDateTimeOffset(),
                Enum.Parse<VmPhase>(line.GetProperty("phase").GetString()!),
                line.TryGetProperty("reason", out var reason) ? reason.GetString() : null,
                line.TryGetProperty("exitCode", out var code) ? code.GetInt32() : null);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            return null;
        }
    }
}
