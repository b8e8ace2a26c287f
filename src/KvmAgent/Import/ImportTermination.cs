using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Status;

namespace KvmAgent.Import;

/// <summary>How an import ended, as JSON where the kubelet reads it; where it made no file, nobody reads one.</summary>
internal static class ImportTermination
{
    /// <param name="path">A file that was asked for, and is made; null for the kubelet's, if it is there.</param>
    /// <param name="paths">Where the kubelet's is.</param>
    /// <param name="result">The end.</param>
    public static void Write(string? path, HostPaths paths, ImportResult result)
    {
        if (path is null && !File.Exists(paths.TerminationLog))
        {
            return;
        }

        try
        {
            File.WriteAllBytes(path ?? paths.TerminationLog, Render(result));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"kvm-agent: the termination message cannot be written: {e.Message}");
        }
    }

    /// <summary>At most so much as the kubelet reads: the message is cut, between two characters, and the JSON whole.</summary>
    public static byte[] Render(ImportResult result)
    {
        var (fits, length) = (0, result.Message.Length);
        var whole = Json(result);
        if (whole.Length <= TerminationMessage.Longest)
        {
            return whole;
        }

        while (fits + 1 < length)
        {
            var middle = (fits + length) / 2;
            (fits, length) = Json(Cut(middle)).Length <= TerminationMessage.Longest ? (middle, length) : (fits, middle);
        }

        return Json(Cut(fits));

        ImportResult Cut(int at) => result with { Message = result.Message[..(at > 0 && char.IsHighSurrogate(result.Message[at - 1]) ? at - 1 : at)] + "…" };
    }

    private static byte[] Json(ImportResult result) => JsonSerializer.SerializeToUtf8Bytes(result, ContractsJson.Default.ImportResult);
}
