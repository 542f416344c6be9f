// Runs assets/model.kerf on a grey picture and shows the class and the milliseconds.
package org.kerf.classify;

import android.app.Activity;
import android.content.res.AssetFileDescriptor;
import android.os.Bundle;
import android.widget.TextView;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;

public final class MainActivity extends Activity {
    private static final int NUM_INPUTS = 28 * 28; // of LeNet's pictures

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        TextView text = new TextView(this);
        text.setText("opening");
        setContentView(text);
        // Kernels are compiled at the first start: not on the thread that draws.
        new Thread(() -> {
            String result = classify();
            runOnUiThread(() -> text.setText(result));
        }).start();
    }

    private String classify() {
        try (AssetFileDescriptor file = getAssets().openFd("model.kerf");
                FileInputStream stream = file.createInputStream()) {
            ByteBuffer model = stream.getChannel().map(FileChannel.MapMode.READ_ONLY,
                    file.getStartOffset(), file.getLength());
            return classify(model);
        } catch (IOException e) {
            return "assets/model.kerf: " + e.getMessage();
        }
    }

    private String classify(ByteBuffer model) {
        try (Classifier classifier = Classifier.open(this, model)) {
            if (classifier == null) {
                return "no OpenCL here: an app would go on with its other way";
            }
            float[] picture = new float[NUM_INPUTS];
            Arrays.fill(picture, 0.5f);
            long start = System.nanoTime();
            float[] scores = classifier.run(picture);
            double ms = (System.nanoTime() - start) / 1e6;
            return scores == null ? "failed: see logcat" : "class " + best(scores) + ", " + ms + " ms";
        }
    }

    private static int best(float[] scores) {
        int at = 0;
        for (int i = 1; i < scores.length; i++) {
            at = scores[i] > scores[at] ? i : at;
        }
        return at;
    }
}
