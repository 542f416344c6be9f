// A network that names classes, on the phone's OpenCL device.  Native half: cpp/bridge.c.
package org.kerf.classify;

import android.content.Context;
import java.io.File;
import java.nio.ByteBuffer;

/** Not for several threads at once.  Null from open() means: go on without. */
final class Classifier implements AutoCloseable {
    private final long handle;

    static {
        System.loadLibrary("classify");
    }

    private Classifier(long handle) {
        this.handle = handle;
    }

    /** model is a direct buffer with an .onnx or .kerf file; it may go afterwards. */
    static Classifier open(Context context, ByteBuffer model) {
        String libraries = context.getApplicationInfo().nativeLibraryDir;
        setUp(new File(context.getCacheDir(), "kerf").getPath(), libraries + "/libkerf-probe.so");
        long handle = open(model);
        return handle != 0 ? new Classifier(handle) : null;
    }

    float[] run(float[] picture) {
        return run(handle, picture);
    }

    @Override
    public void close() {
        close(handle);
    }

    private static native void setUp(String cacheFolder, String probe);
    private static native long open(ByteBuffer model);
    private static native void close(long handle);
    private static native float[] run(long handle, float[] picture);
}
