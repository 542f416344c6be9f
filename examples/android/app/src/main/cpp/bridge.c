/* bridge.c -- Classifier.java's native methods; what they do is in classifier.c.
 *
 * A handle is the classifier's address.  All calls come from one thread (Classifier.java). */
#include <android/log.h>
#include <jni.h>
#include <stdint.h>
#include <stdlib.h>

#include "classifier.h"

static void to_logcat(void *context, kerf_log_level level, const char *text)
{
    (void)context;
    __android_log_write(level == KERF_LOG_WARNING ? ANDROID_LOG_WARN : ANDROID_LOG_INFO, "kerf",
                        text);
}

/* Before everything else: where kernels are kept, and the helper that tries the driver. */
JNIEXPORT void JNICALL Java_org_kerf_classify_Classifier_setUp(JNIEnv *env, jclass own,
                                                               jstring cache, jstring probe)
{
    (void)own;
    const char *folder = (*env)->GetStringUTFChars(env, cache, NULL);
    const char *helper = (*env)->GetStringUTFChars(env, probe, NULL);
    kerf_set_log(to_logcat, NULL);
    if (folder != NULL && kerf_set_cache_dir(folder) != KERF_OK)
        to_logcat(NULL, KERF_LOG_WARNING, kerf_last_error());
    if (helper != NULL)
        setenv("KERF_PROBE", helper, 1);
    if (folder != NULL)
        (*env)->ReleaseStringUTFChars(env, cache, folder);
    if (helper != NULL)
        (*env)->ReleaseStringUTFChars(env, probe, helper);
}

/* 0 where the phone has no device, or the model cannot run; the log says why. */
JNIEXPORT jlong JNICALL Java_org_kerf_classify_Classifier_open(JNIEnv *env, jclass own,
                                                               jobject model)
{
    (void)own;
    classifier *c = NULL;
    const void *bytes = (*env)->GetDirectBufferAddress(env, model);
    const jlong num_bytes = (*env)->GetDirectBufferCapacity(env, model);
    if (bytes == NULL || num_bytes <= 0)
        return 0;
    if (classifier_open(&c, bytes, (size_t)num_bytes) != KERF_OK)
        to_logcat(NULL, KERF_LOG_WARNING, kerf_last_error());
    return (jlong)(intptr_t)c;
}

JNIEXPORT void JNICALL Java_org_kerf_classify_Classifier_close(JNIEnv *env, jclass own, jlong at)
{
    (void)env;
    (void)own;
    classifier_close((classifier *)(intptr_t)at);
}

/* The scores, or null where the picture has another size or the run failed. */
JNIEXPORT jfloatArray JNICALL Java_org_kerf_classify_Classifier_run(JNIEnv *env, jclass own,
                                                                    jlong at, jfloatArray picture)
{
    (void)own;
    classifier *c = (classifier *)(intptr_t)at;
    const jsize num = (jsize)classifier_num_classes(c);
    if ((size_t)(*env)->GetArrayLength(env, picture) != classifier_num_inputs(c))
        return NULL;
    jfloatArray result = (*env)->NewFloatArray(env, num);
    jfloat *numbers = (*env)->GetFloatArrayElements(env, picture, NULL);
    jfloat *scores = result != NULL ? (*env)->GetFloatArrayElements(env, result, NULL) : NULL;
    kerf_status status = KERF_ERR_MEMORY;
    if (numbers != NULL && scores != NULL)
        status = classifier_run(c, numbers, scores);
    if (scores != NULL)
        (*env)->ReleaseFloatArrayElements(env, result, scores, 0);
    if (numbers != NULL)
        (*env)->ReleaseFloatArrayElements(env, picture, numbers, JNI_ABORT);
    if (status != KERF_OK)
        to_logcat(NULL, KERF_LOG_WARNING, kerf_last_error());
    return status == KERF_OK ? result : NULL;
}
